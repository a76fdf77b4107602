"""All that plex.tv and the Plex server know: accounts, servers, shares, tokens and pins. Answers nobody itself."""

from __future__ import annotations

import copy
import secrets
import time
import uuid
from dataclasses import dataclass, field
from itertools import count

PIN_SECONDS = 900.0
PINS_PER_MINUTE = 60


@dataclass
class Account:
    """A Plex account. `restricted` is a managed user of a Plex Home: no username, no address, no password."""

    id: int
    uuid: str
    username: str
    title: str
    friendly_name: str = ""
    email: str | None = None
    confirmed: bool = True
    restricted: bool = False
    home: bool = False
    joined_at: int = 946730096


@dataclass(eq=False)
class Server:
    """A Plex Media Server as plex.tv knows it. Two may claim one machine identifier; only one of them is at home."""

    machine_identifier: str
    name: str
    owner: Account | None
    shared_with: set[int] = field(default_factory=set)
    lets_everybody_in: bool = False
    """The setting "List of IP addresses and networks that are allowed without auth"."""
    version: str = "1.41.9.9961-46083195d"
    access_tokens: dict[int, str] = field(default_factory=dict)
    sections_of: dict[int, set[int]] = field(default_factory=dict)
    """The sections an account may see, where it may not see all."""
    url: str = ""
    """Where plex.tv says it is; empty until it runs."""

    def admits(self, account_id: int) -> bool:
        """Whether the account may use it."""
        return (self.owner is not None and self.owner.id == account_id) or account_id in self.shared_with

    def access_token(self, account_id: int) -> str:
        """The account's token for this server alone."""
        return self.access_tokens.setdefault(account_id, new_token())


@dataclass
class Pin:
    """A sign-in under way."""

    id: int
    code: str
    client_identifier: str
    product: str
    strong: bool
    created_at: float
    expires_at: float
    auth_token: str | None = None


def new_token() -> str:
    """Twenty letters and digits, as Plex's tokens are."""
    return secrets.token_urlsafe(15).replace("-", "x").replace("_", "y")


class World:
    """`home` is the server that runs; `advance` lets time pass for pins. What `beside` makes shares all but these."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.servers: list[Server] = []
        self.pins: dict[int, Pin] = {}
        self.tokens: dict[str, int] = {}
        self.pin_seconds = PIN_SECONDS
        self.pins_per_minute = PINS_PER_MINUTE
        self.names_owners = True
        """Whether `resources` says whose server it is."""
        self._numbers = count(13692262)
        self._pin_numbers = count(2043851977)
        self._ahead = 0.0
        self.owner = self.account("owner", email="owner@home.example", friendly_name="Olive Owner", home=True)
        self.home = self.server("Living room", self.owner)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += seconds

    def account(
        self,
        username: str,
        *,
        title: str = "",
        friendly_name: str = "",
        email: str | None = None,
        confirmed: bool = True,
        restricted: bool = False,
        home: bool = False,
    ) -> Account:
        """A new account."""
        number = next(self._numbers)
        made = Account(
            number,
            uuid.uuid5(uuid.NAMESPACE_URL, str(number)).hex[:16],
            username,
            title or username,
            friendly_name,
            email,
            confirmed,
            restricted,
            home,
        )
        self.accounts[number] = made
        return made

    def friend(self, username: str, **fields: object) -> Account:
        """A new account the server at home is shared with."""
        made = self.account(username, **fields)  # type: ignore[arg-type]
        self.home.shared_with.add(made.id)
        return made

    def managed(self, title: str) -> Account:
        """A managed user of the owner's Plex Home."""
        made = self.account("", title=title, friendly_name=title, restricted=True, home=True, confirmed=False)
        self.home.shared_with.add(made.id)
        return made

    def server(self, name: str, owner: Account | None, machine_identifier: str = "") -> Server:
        """A server registered at plex.tv; plex.tv believes what it calls itself."""
        made = Server(machine_identifier or secrets.token_hex(20), name, owner)
        self.servers.append(made)
        return made

    def beside(self, name: str, owner: Account | None = None) -> World:
        """The same plex.tv, people and tokens, and another server at home: the same owner's, unless told."""
        other = copy.copy(self)
        other.owner = owner or self.owner
        other.home = self.server(name, other.owner)
        return other

    def find(self, who: str) -> Account:
        """The account of that username or title."""
        return next(one for one in self.accounts.values() if who in (one.username, one.title))

    def token(self, account: Account) -> str:
        """A new token of the account."""
        made = new_token()
        self.tokens[made] = account.id
        return made

    def bearer(self, token: str | None) -> Account | None:
        """Whose token it is, if it still holds."""
        return self.accounts.get(self.tokens.get(token or "", 0))

    def revoke(self, account: Account) -> None:
        """The account signs out all its devices ("Sign out connected devices")."""
        for token in [token for token, owner in self.tokens.items() if owner == account.id]:
            del self.tokens[token]
        for server in self.servers:
            server.access_tokens.pop(account.id, None)

    def unshare(self, account: Account) -> None:
        """The owner no longer shares the server at home with the account."""
        self.home.shared_with.discard(account.id)
        self.home.access_tokens.pop(account.id, None)

    def new_pin(self, client_identifier: str, product: str, strong: bool) -> Pin | None:
        """A pin, or None when this client asked for too many within a minute."""
        now = self.now()
        recent = [
            one
            for one in self.pins.values()
            if one.client_identifier == client_identifier and one.created_at > now - 60
        ]
        if len(recent) >= self.pins_per_minute:
            return None
        code = secrets.token_hex(13)[:25] if strong else secrets.token_hex(2).upper()
        made = Pin(next(self._pin_numbers), code, client_identifier, product, strong, now, now + self.pin_seconds)
        self.pins[made.id] = made
        return made

    def pin(self, pin_id: int) -> Pin | None:
        """The pin, unless it has expired."""
        found = self.pins.get(pin_id)
        return found if found is not None and found.expires_at > self.now() else None

    def pin_of_code(self, code: str) -> Pin | None:
        """The same, by its code."""
        return next((one for one in self.pins.values() if one.code == code and self.pin(one.id) is one), None)

    def approve(self, pin: Pin, account: Account) -> None:
        """The account's person said yes."""
        pin.auth_token = self.token(account)
