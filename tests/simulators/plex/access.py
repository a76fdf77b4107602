"""Whom the Plex server at home lets in, and what they may see; makes no tokens and answers nobody."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from .world import Account, Server, World

OWNER = 1
"""What a server calls its owner; it calls everybody else by their number at plex.tv."""


@dataclass(frozen=True)
class Viewer:
    """Who asks. `sections` are those they may see; None is all."""

    person: int
    name: str
    admin: bool
    sections: frozenset[int] | None = None

    def sees(self, section: int) -> bool:
        """Whether they may see that section."""
        return self.sections is None or section in self.sections


def viewer_of(server: Server, account: Account | None) -> Viewer:
    """How the server knows that account; None is its owner, on a network that needs no token."""
    if account is None or account is server.owner:
        owner = server.owner
        return Viewer(OWNER, owner.username if owner else "", True)
    allowed = server.sections_of.get(account.id)
    name = account.username or account.title
    return Viewer(account.id, name, False, None if allowed is None else frozenset(allowed))


def viewer(world: World, server: Server, request: web.Request) -> Viewer | None:
    """Who asks, by a token the server gave out, by its owner's own, or because it asks nobody; None is nobody it knows."""
    token = request.headers.get("X-Plex-Token") or request.query.get("X-Plex-Token")
    if token is None:
        return viewer_of(server, None) if server.lets_everybody_in else None
    for account, known in server.access_tokens.items():
        if known == token and server.admits(account):
            return viewer_of(server, world.accounts[account])
    bearer = world.bearer(token)
    if server.lets_everybody_in or (bearer is not None and bearer is server.owner):
        return viewer_of(server, None)
    return None
