"""The first admin, made once with the link printed at the first start."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from medianest_hub.accounts.names import clean_username
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.calling import facts
from medianest_hub.web.routes.auth import Client, Token, token_answer

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """A refusal as the model's own, so that it is listed beside all others."""
    try:
        yield
    except BadInput as refused:
        problem = refused.fields[0]
        raise PydanticCustomError(problem.code, "{words}", {"words": problem.message}) from None


class FirstAdmin(BaseModel):
    """`token` is from the printed link; username and password follow the rules for everybody's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1, max_length=256)
    username: str = Field(min_length=1, max_length=256)
    password: SecretStr = Field(min_length=1, max_length=1024)
    client: Client = "browser"

    @field_validator("username")
    @classmethod
    def _username(cls, value: str) -> str:
        with _named():
            return clean_username(value)

    @field_validator("password")
    @classmethod
    def _password(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        with _named():
            check_password(value.get_secret_value(), info.data.get("username", ""))
        return value


class SetupState(BaseModel):
    """`needed` until the first admin was made."""

    needed: bool


@router.get("/api/v1/setup", public=True, limit="api")
async def setup_state(parts: HubParts, call: Call) -> SetupState:
    """Whether the hub still waits for its first admin."""
    return SetupState(needed=await parts.first_run.needed())


@local_router.post("/api/v1/setup", public=True, limit="auth", body_limit=8 * 1024, status=201)
async def set_up(parts: HubParts, call: Call[Empty, Empty, FirstAdmin]) -> Token:
    """Make the first admin and sign them in, exactly once.

    403 `setup_token_invalid` for a wrong or expired token, 409 `already_set_up` as soon as anybody exists, 403
    `origin_refused` to a page of another site.
    """
    body = call.body
    facts(call).check_origin()
    person = await parts.first_run.complete(
        body.token.get_secret_value(), body.username, body.password.get_secret_value()
    )
    signed_in = await parts.sign_in.of_person(
        person, address=call.request.address, user_agent=call.request.headers.get("user-agent", "")
    )
    return await token_answer(parts, call, signed_in, body.client)
