"""`medianest plugins webhook`: which webhooks a plugin has, and their secrets; hears nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

from medianest_hub.cli.plugin_desk import Desk
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_host.wanted import MAIN
from medianest_hub.plugin_host.webhooks import WebhookStore
from medianest_hub.settings import HubSettings

_HOOKS = "/api/v1/hooks"


@dataclass(frozen=True, slots=True)
class WebhookDesk:
    """The webhooks of one plugin. Raises `OperatorError` for a plugin that is not loaded and a webhook it does not have."""

    desk: Desk
    plugin: str

    async def shown(self) -> list[str]:
        """A line for each."""
        states = await WebhookStore(self.desk.parts.db).of_plugin(self.plugin, MAIN)
        lines = []
        for webhook in self._declared():
            state = states.get(webhook.name)
            if state is None:
                words = "no secret yet"
            elif state.last_received_at is None:
                words = f"nothing received since its secret was made, {state.created_at:%Y-%m-%d %H:%M} UTC"
            else:
                words = f"last received {state.last_received_at:%Y-%m-%d %H:%M} UTC: {state.last_result}"
            lines.append(f"{webhook.name:<16} {self._address(webhook)}  ({words})")
        return lines

    async def make(self, name: str) -> list[str]:
        """A new secret, in the lines to give to the service."""
        webhook = self._one(name)
        secret = await WebhookStore(self.desk.parts.db).make_secret(self.plugin, MAIN, name)
        await self.desk.tell("hooks.make_webhook_secret", self.plugin, webhook=name)
        if webhook.secret_in_path:
            return [f"address: {self._address(webhook)}/{secret}"]
        return [f"address: {self._address(webhook)}", f"header:  Authorization: Bearer {secret}"]

    async def remove(self, name: str) -> list[str]:
        """Switch it off."""
        self._one(name)
        if not await WebhookStore(self.desk.parts.db).remove_secret(self.plugin, MAIN, name):
            return [f"{name} had no secret"]
        await self.desk.tell("hooks.remove_webhook_secret", self.plugin, webhook=name)
        return [f"{name} is off: nothing is at its address any more"]

    def _declared(self) -> tuple[Webhook, ...]:
        plugin = self.desk.parts.host.plugins.get(self.plugin)
        if plugin is None:
            reason = self.desk.parts.host.runtimes[self.plugin].reason
            raise OperatorError(f"{self.plugin} is not loaded: {reason}")
        return plugin.webhooks

    def _one(self, name: str) -> Webhook:
        declared = {webhook.name: webhook for webhook in self._declared()}
        if name not in declared:
            raise OperatorError(f"{self.plugin} has no webhook {name}; there are: {', '.join(declared) or 'none'}")
        return declared[name]

    def _address(self, webhook: Webhook) -> str:
        return f"{_base(self.desk.parts.settings)}{_HOOKS}/{self.plugin}/{webhook.name}"


def _base(settings: HubSettings) -> str:
    return settings.server.public_url or f"http://{settings.server.host}:{settings.server.port}"
