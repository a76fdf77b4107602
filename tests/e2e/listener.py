"""Calls a hub and keeps every answer, so that a test can look through all that was ever said."""

from __future__ import annotations

from typing import Any

from medianest_hub.testing.hub import HubClient, Reply


class Listener:
    """Keeps every answer in `heard`, but those that hand something out once, which by design show it."""

    def __init__(self, client: HubClient, heard: list[bytes], issued: dict[str, str]) -> None:
        self.client = client
        self.heard = heard
        self.issued = issued

    def as_somebody(self, token: str) -> Listener:
        """The same with that token or key."""
        return Listener(HubClient(self.client._session, self.client.url, token), self.heard, self.issued)

    def at(self, url: str) -> Listener:
        """The same person at another web process."""
        return Listener(HubClient(self.client._session, url, self.client.token), self.heard, self.issued)

    async def call(
        self,
        method: str,
        path: str,
        status: int | tuple[int, ...] | None = None,
        *,
        issues: dict[str, str] | None = None,
        **more: Any,
    ) -> Reply:
        """`status`: what the answer must have. `issues`: name of a secret → the answer's field that holds it.

        An answer that issues something is not kept.
        """
        reply = await self.client.request(method, path, **more)
        expected = (status,) if isinstance(status, int) else status
        assert expected is None or reply.status in expected, (method, path, reply.status, reply.body)
        if not issues:
            self.heard.append(f"{reply.status} {list(reply.headers.items())}".encode() + reply.body)
            return reply
        content = reply.json()
        for name, field in issues.items():
            # A link holds the secret behind its `#`.
            self.issued[name] = str(content[field]).rpartition("#")[2]
        return reply
