"""The webhooks of plugins for admins: which there are, what was heard last, and their secrets; hears nothing itself."""

from __future__ import annotations

from datetime import datetime

import structlog
from pydantic import BaseModel, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.errors import Conflict, NotFound
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.webhooks import WebhookState, WebhookStore
from medianest_hub.web.webhooks.mounted import HOOKS

log = structlog.get_logger(__name__)

router = Router()


class HooksPath(BaseModel):
    """The part of a path that names a plugin."""

    name: str = Field(min_length=1, max_length=64)


class HookPath(HooksPath):
    """The part of a path that names a plugin and one of its webhooks."""

    hook: str = Field(min_length=1, max_length=64)


class WebhookCard(BaseModel):
    """One webhook. `address` is without the secret; with `secret_in_path` it is followed by `/` and the secret.

    `created_at` is when the secret was made, null while there is none: the webhook is then not there for anybody.
    `last_result` is `ok` or the code of a problem, `last_received_at` is exact to a minute.
    """

    name: str
    address: str
    secret_in_path: bool
    created_at: datetime | None
    last_received_at: datetime | None
    last_result: str


class WebhookSecret(BaseModel):
    """The secret, this once. `authorization` is what the header must hold; `address` is ready to be given to the service.

    With `secret_in_path` the address holds the secret, and no header is needed.
    """

    name: str
    secret: str
    address: str
    authorization: str
    secret_in_path: bool


@router.get("/api/v1/plugins/{name}/webhooks", permission=ADMIN)
async def list_webhooks(parts: HubParts, call: Call[HooksPath]) -> Page[WebhookCard]:
    """What a plugin may be told by its outside service, and what was heard last.

    404 `unknown_plugin`; 409 `plugin_not_loaded`.
    """
    runtime, webhooks = _webhooks(parts, call.path.name)
    states = await WebhookStore(parts.db).of_plugin(runtime.name, runtime.instance)
    base = call.request.base_url
    return Page(items=[_card(base, runtime.name, webhook, states.get(webhook.name)) for webhook in webhooks])


@router.post("/api/v1/plugins/{name}/webhooks/{hook}/secret", permission=ADMIN, status=201)
async def make_webhook_secret(parts: HubParts, call: Call[HookPath]) -> WebhookSecret:
    """Make the webhook's secret, and show it this once. One made before is good no longer.

    404 `unknown_plugin` and `no_such_webhook`; 409 `plugin_not_loaded`.
    """
    runtime, webhook = _one(parts, call.path)
    secret = await WebhookStore(parts.db).make_secret(runtime.name, runtime.instance, webhook.name)
    log.info("webhook_secret_made", plugin=runtime.name, webhook=webhook.name, person=str(call.caller.id))
    address = _address(call.request.base_url, runtime.name, webhook)
    return WebhookSecret(
        name=webhook.name,
        secret=secret,
        address=f"{address}/{secret}" if webhook.secret_in_path else address,
        authorization=f"Bearer {secret}",
        secret_in_path=webhook.secret_in_path,
    )


@router.delete("/api/v1/plugins/{name}/webhooks/{hook}/secret", permission=ADMIN)
async def remove_webhook_secret(parts: HubParts, call: Call[HookPath]) -> None:
    """Switch the webhook off: from now on there is none at its address.

    404 `unknown_plugin`, `no_such_webhook`, and `no_webhook_secret` where there is none; 409 `plugin_not_loaded`.
    """
    runtime, webhook = _one(parts, call.path)
    if not await WebhookStore(parts.db).remove_secret(runtime.name, runtime.instance, webhook.name):
        raise NotFound("This webhook has no secret.", code="no_webhook_secret")
    log.info("webhook_secret_removed", plugin=runtime.name, webhook=webhook.name, person=str(call.caller.id))


def _webhooks(parts: HubParts, name: str) -> tuple[PluginRuntime, tuple[Webhook, ...]]:
    runtime = parts.host.runtimes.get(name)
    if runtime is None:
        raise NotFound(f"No plugin called {name} is installed.", code="unknown_plugin")
    if runtime.plugin is None:
        raise Conflict(f"The plugin {name} could not be loaded: {runtime.reason}", code="plugin_not_loaded")
    return runtime, runtime.plugin.webhooks


def _one(parts: HubParts, path: HookPath) -> tuple[PluginRuntime, Webhook]:
    runtime, webhooks = _webhooks(parts, path.name)
    for webhook in webhooks:
        if webhook.name == path.hook:
            return runtime, webhook
    raise NotFound(f"The plugin {path.name} declares no webhook of that name.", code="no_such_webhook")


def _card(base: str, plugin: str, webhook: Webhook, state: WebhookState | None) -> WebhookCard:
    return WebhookCard(
        name=webhook.name,
        address=_address(base, plugin, webhook),
        secret_in_path=webhook.secret_in_path,
        created_at=state.created_at if state is not None else None,
        last_received_at=state.last_received_at if state is not None else None,
        last_result=state.last_result if state is not None else "",
    )


def _address(base: str, plugin: str, webhook: Webhook) -> str:
    return f"{base}{HOOKS}/{plugin}/{webhook.name}"
