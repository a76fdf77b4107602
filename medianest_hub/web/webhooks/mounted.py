"""A plugin's webhooks as routes: at which address, counted in which zone. Registers nothing and calls no handler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from medianest_hub.plugin_api.routes import Call, Empty, Route
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.signatures import RouteModels
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.rate_limits import Zones

HOOKS: Final = "/api/v1/hooks"
ZONE: Final = "webhooks"
_SECRET_PART: Final = re.compile(r"^(/api/v1/(?:hooks/[^/]*/[^/]*|images)/).+", re.DOTALL)
HANDLER_SECONDS: Final = 10.0
"""Senders wait little longer."""


class SecretPath(BaseModel):
    """The webhook's secret, for services that can send no header."""

    secret: str = Field(min_length=1, max_length=200)


class Received(BaseModel):
    """`duplicate`: the same was heard a moment ago, and nothing was done this time."""

    status: Literal["ok", "duplicate"] = "ok"


@dataclass(frozen=True)
class MountedWebhook(Mounted):
    """A webhook's route. `webhook` is given; None only because the fields before it have defaults."""

    webhook: Webhook | None = None

    @property
    def name(self) -> str:
        """Unique among all routes, though they share their handler."""
        return f"hooks.{self.plugin}.{self.declared.name}{'.in_path' if self.template.endswith('}') else ''}"

    @property
    def declared(self) -> Webhook:
        """The declaration."""
        if self.webhook is None:
            raise LookupError("a mounted webhook without a declaration")
        return self.webhook

    @cached_property
    def models(self) -> RouteModels:
        """The declared model as body."""
        path = SecretPath if self.template.endswith("}") else Empty
        return RouteModels(path, Empty, self.declared.model, Received)


def shown_path(path: str) -> str:
    """The path as it may be written down: without the secret of a webhook and without what is a right in itself."""
    return _SECRET_PART.sub(r"\1…", path)


async def _never(ctx: Any, call: Call) -> None:
    """Stands in the declaration; `WebhookEndpoint` calls the webhook's own handler."""
    raise NotImplementedError


def webhook_routes(plugin: LoadedPlugin, zones: Zones) -> Iterator[MountedWebhook]:
    """One route for each webhook, and a second with the secret in its path where that was declared.

    Public by design: who sends is proven by the webhook's secret, which is no session and no key of anybody's.
    """
    for webhook in plugin.webhooks:
        address = f"{HOOKS}/{plugin.name}/{webhook.name}"
        for template in (address, f"{address}/{{secret}}") if webhook.secret_in_path else (address,):
            yield MountedWebhook(
                route=Route(
                    "POST",
                    template,
                    _never,
                    public=True,
                    body_limit=webhook.body_limit,
                    deadline=HANDLER_SECONDS,
                    summary=f"Webhook {webhook.name} of {plugin.info.title}",
                    description=_WORDS,
                ),
                source="hooks",
                template=template,
                permission=None,
                zones=(zones.core(ZONE),),
                plugin=plugin.name,
                webhook=webhook,
            )


_WORDS: Final = (
    "For the outside service, not for people. Its secret is made by `POST /api/v1/plugins/{name}/webhooks/{hook}/secret` "
    "and sent in the `Authorization` header, or in the path where the service can do no other. 401 `webhook_secret` for a "
    "wrong one in the header, 404 `no_such_webhook` for a wrong one in the path and where there is none. 401 "
    "`signature_invalid`, 409 `signature_used`. 400 names each field that does not fit."
)
