"""An OpenID Connect issuer that can be made to lie: for what a real one, which the end-to-end test uses, never does."""

from .issuer import Issuer

__all__ = ["Issuer"]
