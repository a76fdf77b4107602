"""How signing in by OpenID Connect goes wrong, as errors with words; decides nothing."""

from __future__ import annotations

from typing import ClassVar, Final

from medianest_hub.plugin_api.errors import BadInput, Forbidden, Gone, HubError, Unavailable, UpstreamError

_LONGEST_WORDS: Final = 200
_AWAY: Final = frozenset({"temporarily_unavailable", "server_error"})


class Untrusted(UpstreamError):
    """What the provider answered proves nothing; trying again with it is no use. 502."""

    code: ClassVar[str] = "identity_not_proven"
    retryable: ClassVar[bool] = False


def untrusted(service: str, what: str) -> Untrusted:
    """`what` completes: what the provider says who this is cannot be believed: …"""
    return Untrusted(f"The proof of identity from {service} cannot be believed: {what}.", service=service)


def wrong_state() -> BadInput:
    """The answer belongs to another sign-in than this browser began."""
    return BadInput("This answer belongs to another sign-in; begin again.", code="state_mismatch")


def refused(service: str, error: str, words: str) -> HubError:
    """What the provider sent back instead of a code (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6)."""
    said = f" It says: {_plain(words)}" if words else ""
    if error in _AWAY:
        return Unavailable(f"{service} cannot sign anyone in now; try again shortly.{said}", code="provider_away")
    if error == "access_denied":
        return Forbidden(f"{service} did not let you in, or you declined.{said}", code="sign_in_refused")
    return Forbidden(
        f"{service} refused the sign-in ({_plain(error)}).{said}",
        code="sign_in_refused",
        params={"error": _plain(error)},
    )


def token_refused(service: str, error: str, words: str) -> HubError:
    """What the token endpoint answered instead of tokens (RFC 6749 5.2)."""
    if error == "invalid_grant":
        return Gone(f"{service} no longer knows this sign-in; begin again.", code="attempt_over")
    if error in ("invalid_client", "unauthorized_client"):
        return Untrusted(f"{service} refused the hub's own client_id and client_secret; ask an admin.", service=service)
    said = f" It says: {_plain(words)}" if words else ""
    return Untrusted(f"{service} gave no token ({_plain(error) or 'no reason told'}).{said}", service=service)


def _plain(text: str) -> str:
    """Words from outside, cut short and without what could pass for something else in a log or on a page."""
    kept = "".join(character if character.isprintable() else " " for character in text[:_LONGEST_WORDS])
    return kept.strip()
