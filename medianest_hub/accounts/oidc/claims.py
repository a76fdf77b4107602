"""Turns claims an OpenID Connect provider proved into an `Identity`: names, verified address, mapped role. Trusts no type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from medianest_hub.accounts.email_addresses import is_plain
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.sign_in import Identity
from medianest_hub.settings import OidcSettings

_LONGEST: Final = 200
_DEEPEST: Final = 8
Claims = Mapping[str, Any]


def identity(proven: Claims, more: Claims, settings: OidcSettings, otherwise: Role, secret: str | None) -> Identity:
    """Who the ID token (`proven`) and the userinfo answer (`more`, of the same subject) say it is.

    `otherwise` is the role of whoever has none of the mapped values, where roles are mapped at all.
    """
    claims = {**proven, **more, "sub": proven["sub"]}
    email, verified = _email(proven, more)
    display_name = _text(claims, "name")
    username = _text(claims, settings.username_claim) or _text(claims, "nickname")
    return Identity(
        subject=claims["sub"],
        username=username or (email or "").partition("@")[0] or display_name or claims["sub"],
        display_name=display_name,
        email=email,
        email_verified=verified,
        avatar=_text(claims, "picture", 2000) or None,
        secret=secret,
        role=_role(claims, settings, otherwise),
    )


def _email(proven: Claims, more: Claims) -> tuple[str | None, bool]:
    """The address, and whether the provider says of this very one that it is verified: true, not "true" and not 1.

    One that is not plain as it was sent never is.
    """
    for claims, other in ((more, proven), (proven, more)):
        email = _text(claims, "email", 254)
        if not email:
            continue
        same = _text(other, "email", 254) == email
        if not is_plain(claims["email"]) or (same and other["email"] != claims["email"]):
            return email, False  # cleaned, it may be somebody else's
        denied = any(said.get("email_verified") is False for said in (claims, other if same else {}))
        said = claims.get("email_verified") is True or (same and other.get("email_verified") is True)
        return email, said and not denied
    return None, False


def _role(claims: Claims, settings: OidcSettings, otherwise: Role) -> str | None:
    """The highest role one of the values stands for; None where nothing is mapped."""
    mapped = (
        (Role.ADMIN, settings.admin_values),
        (Role.MEMBER, settings.member_values),
        (Role.GUEST, settings.guest_values),
    )
    if not any(values for _, values in mapped):
        return None
    has = _values(_find(claims, settings.role_claim))
    return next((role.value for role, values in mapped if has.intersection(values)), otherwise.value)


def _find(claims: Claims, path: str) -> Any:
    """The claim of that name; else, read as a path, what lies below: `realm_access.roles`."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split(".")[:_DEEPEST]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _values(found: Any) -> set[str]:
    if isinstance(found, str):
        return {found}
    return {value for value in found if isinstance(value, str)} if isinstance(found, list) else set()


def _text(claims: Claims, name: str, longest: int = _LONGEST) -> str:
    """The claim as plain text of one line; empty where it is absent, something else or too long."""
    value = _find(claims, name)
    if not isinstance(value, str) or len(value) > longest:
        return ""
    return "".join(character for character in value if character.isprintable()).strip()
