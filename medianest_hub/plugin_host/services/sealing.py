"""A plugin's secrets: the hub's secret box under purposes of the plugin's own."""

from __future__ import annotations

from collections.abc import Mapping

from medianest_hub.infrastructure.secrets import SecretBox


class PluginSecrets:
    """Implements `plugin_api.services.Secrets`; nothing sealed for one plugin opens for another."""

    def __init__(self, box: SecretBox, plugin: str, instance: str) -> None:
        self._box = box
        self._purpose = f"plugin:{plugin}:{instance}"

    def seal(self, value: str) -> str:
        """Encrypt."""
        return self._box.seal(self._purpose, value.encode())

    def open(self, sealed: str) -> str:
        """Decrypt; `ValueError` if it was not sealed here."""
        return self._box.open(self._purpose, sealed).decode()

    def sign(self, claims: Mapping[str, str | int], ttl: float) -> str:
        """A URL-safe token that proves `claims` for `ttl` seconds."""
        return self._box.sign(self._purpose, claims, ttl)

    def verify(self, token: str) -> dict[str, str | int]:
        """The claims; `Forbidden` if forged, `Gone` if expired."""
        return self._box.verify(self._purpose, token)
