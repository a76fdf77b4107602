"""Passwords over HTTP: change one's own, set one by a one-time link; decides nothing itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import ACCOUNT
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit
from medianest_hub.web.calling import facts
from medianest_hub.web.routes.auth import Client, Ended, Token, token_answer

local_router = Router()
"""There only where people may sign in with a password of the hub's own (`auth.local`)."""


class NewPassword(BaseModel):
    """`current_password` is left out by somebody who has none yet; `end_keys` revokes all their API keys, too."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current_password: SecretStr | None = Field(default=None, min_length=1, max_length=1024)
    new_password: SecretStr = Field(min_length=1, max_length=1024)
    end_keys: bool = False


class Reset(BaseModel):
    """`token` is what stands behind the # of the link."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1, max_length=256)
    password: SecretStr = Field(min_length=1, max_length=1024)
    client: Client = "browser"


@local_router.post("/api/v1/auth/password", permission=ACCOUNT, limit="auth", body_limit=8 * 1024)
async def change_password(parts: HubParts, call: Call[Empty, Empty, NewPassword]) -> Ended:
    """Change one's own password. All other sessions end at once, everywhere; API keys only with `end_keys`.

    403 `wrong_password`; 429 `sign_in_slowed` after several wrong ones; 400 `password_refused` says why. Somebody without
    a password sets their first one soon after signing in: 403 `confirm_first` when that is too long ago.
    """
    request, body, caller = facts(call), call.body, call.caller
    request.check_origin()
    note_for_audit(target=caller)
    current = body.current_password.get_secret_value() if body.current_password is not None else None
    session_id = request.claims.session_id if request.claims is not None else None
    await parts.password_change.change(
        caller, session_id, current, body.new_password.get_secret_value(), address=request.address
    )
    ended = await parts.sessions.end_all(caller.id, keep=session_id, reason="password_changed")
    if body.end_keys:
        note_for_audit(keys_ended=await parts.api_keys.revoke_all(caller.id))
    return Ended(ended=ended)


@local_router.post("/api/v1/auth/password/reset", public=True, limit="auth", body_limit=8 * 1024)
async def reset_password(parts: HubParts, call: Call[Empty, Empty, Reset]) -> Token:
    """Set a password by a one-time link, and be signed in. All sessions and API keys from before end at once, everywhere.

    Somebody invited is let in by it. 403 `link_invalid` for a link that is wrong, used or expired; 403 `account_inactive`;
    400 `password_refused` leaves the link good. 403 `origin_refused` to a page of another site.
    """
    body = call.body
    facts(call).check_origin()
    person = await parts.password_links.use(body.token.get_secret_value(), body.password.get_secret_value())
    note_for_audit(actor=person, target=person)
    await parts.sessions.end_all(person.id, reason="password_reset")
    # Whoever needs a link has forgotten their password, or somebody else was in.
    note_for_audit(keys_ended=await parts.api_keys.revoke_all(person.id))
    signed_in = await parts.sign_in.of_person(
        person, address=call.request.address, user_agent=call.request.headers.get("user-agent", "")
    )
    return await token_answer(parts, call, signed_in, body.client)
