"""Webhooks: what an outside service may tell the hub. The host keeps the secret and checks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

WebhookHandler: TypeAlias = Callable[[Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """`async def handler(ctx: Context[S], payload: Model) -> None`, reached at `/api/v1/hooks/<plugin>/<name>`.

    The secret is sent in the `Authorization` header, or in the path where the service can do no other
    (`secret_in_path`). `multipart_field` names the form field that holds the JSON (Plex: `payload`).
    """

    name: str
    handler: WebhookHandler
    model: type[BaseModel]
    secret_in_path: bool = False
    multipart_field: str | None = None
    body_limit: int = 256 * 1024

    async def __call__(self, ctx: Any, payload: Any) -> None:
        """Call it directly, as a test does."""
        await self.handler(ctx, payload)
