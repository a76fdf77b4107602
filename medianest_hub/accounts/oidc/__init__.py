"""Signing in by an OpenID Connect provider: the core's own sign-in provider `oidc`. Imports no OAuth library until used."""

from __future__ import annotations

from medianest_hub.accounts.oidc.provider import OidcProvider

__all__ = ["OidcProvider"]
