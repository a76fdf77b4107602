"""Which routes the audit log is told of, and in what words: what a handler notes, what the request shows. Writes nothing.

A route is told of unless it is named here with a reason: whoever adds one need not think of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from medianest_hub.accounts.tokens import Claims
from medianest_hub.audit.entry import ANONYMOUS, Actor, Detail, Result, Target
from medianest_hub.infrastructure.masking import secret_name
from medianest_hub.plugin_api.people import ADMIN, Person
from medianest_hub.plugin_api.routes import Method

CLIENT_GONE: Final = "client_gone"
"""The code where the caller went away before the answer: what they asked for may have happened or not."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Why nothing is recorded of a route, and with which problem codes something is all the same."""

    reason: str
    but: frozenset[str] = frozenset()


QUIET: Final[Mapping[str, Quiet]] = {
    "auth.start_sign_in": Quiet("nobody is signed in by it, and any stranger may; how it ends is told of"),
    "invites.look_at_invite": Quiet("looking changes nothing; guessing is told of", but=frozenset({"invite_invalid"})),
    "notifications.read_notification": Quiet("what somebody has read is their own affair"),
    "notifications.read_all_notifications": Quiet("what somebody has read is their own affair"),
    "notifications.remove_notification": Quiet("what stands in somebody's own list is their own affair"),
    "notifications.replace_preferences": Quiet("how somebody wants to hear of things is their own affair"),
    "auth.refresh": Quiet("every client does it every quarter of an hour", but=frozenset({"refresh_reused"})),
}
"""Core routes that change something and are not told of, by name."""

MAY_BE_LEFT_OUT: Final[Mapping[str, str]] = {
    "auth.complete_sign_in": "a page asks every other second whether the provider is done",
    "auth.logout": "whoever is not signed in signs out of nothing",
    "jobs.cancel_job": "a person's own job is theirs to cancel; somebody else's is told of",
}
"""Routes whose handler may say `leave_out_of_audit` for one call that went well, and when it does."""

READS: Final[Mapping[str, str]] = {
    "audit.export_entries": "whoever takes the whole log away is to be found in it",
}
"""Routes that change nothing and are told of all the same."""

_KINDS: Final = {
    "users": "user",
    "plugins": "plugin",
    "invites": "invite",
    "api-keys": "api_key",
    "sessions": "session",
    "identities": "identity",
    "jobs": "job",
    "webhooks": "webhook",
}
_PLACEHOLDER: Final = re.compile(r"([^/{}]*)/\{(\w+)\}")


@dataclass(slots=True)
class Note:
    """What a handler wants to have written down about the call it is answering."""

    actor: Actor | None = None
    target: Target | None = None
    details: dict[str, Detail] = field(default_factory=dict)
    left_out: bool = False


_note: ContextVar[Note | None] = ContextVar("audit_note", default=None)


def note_for_audit(
    *,
    actor: Person | None = None,
    target: Person | None = None,
    target_kind: str = "",
    target_id: object = "",
    target_name: str = "",
    **details: Detail,
) -> None:
    """Called by a handler of the core: who did it (a fresh sign-in), to what, and how it was before and after.

    What was noted last wins. The target is otherwise taken from the path, the actor from the token. Never note a secret,
    nor what a stranger typed. On a route that is not audited it does nothing.
    """
    note = _note.get()
    if note is None:
        return
    if actor is not None:
        note.actor = Actor("person", actor.id, actor.username)
    if target is not None:
        note.target = Target("user", str(target.id), target.username)
    if target_kind or target_id or target_name:
        known = note.target or Target()
        note.target = Target(target_kind or known.kind, str(target_id) or known.id, target_name or known.name)
    note.details.update(details)


def leave_out_of_audit() -> None:
    """Called by a handler: this call, if it goes well, is none to write down. The route must be in `MAY_BE_LEFT_OUT`."""
    note = _note.get()
    if note is not None:
        note.left_out = True


@contextmanager
def noting() -> Iterator[Note]:
    """Let what handlers note in this context land in the note given."""
    note = Note()
    token = _note.set(note)
    try:
        yield note
    finally:
        _note.reset(token)


def is_audited(name: str, method: Method, permission: str | None, *, core: bool, admins_only: bool) -> bool:
    """Whether calls of a route are told of. `admins_only`: nobody else has its permission unless it is granted to them."""
    if method == "GET":
        return name in READS
    if admins_only or permission == ADMIN:
        return True
    return core and (name not in QUIET or bool(QUIET[name].but))


def is_quiet(name: str, code: str) -> bool:
    """Whether a call that ended with this problem code (empty: well) goes unrecorded on that route."""
    quiet = QUIET.get(name)
    return quiet is not None and code not in quiet.but


def actor_of(note: Note, person: Person | None, claims: Claims | None) -> Actor:
    """Who did it: whoever the handler says, else whose token or key it is."""
    if note.actor is not None:
        return note.actor
    if person is None:
        return ANONYMOUS
    is_key = claims is not None and claims.is_key
    return Actor("api_key" if is_key else "person", person.id, person.username)


def target_of(note: Note, template: str, values: Mapping[str, str], *, trusted: bool) -> Target:
    """To what: as the handler says, filled up from the path, whose words count only from somebody known (`trusted`)."""
    noted = note.target or Target()
    named = [(segment, name) for segment, name in _PLACEHOLDER.findall(template) if not secret_name(name)]
    if not trusted or not named:
        return noted
    segment = named[-1][0]
    ids = "/".join(values.get(name, "") for _, name in named)
    return Target(noted.kind or _KINDS.get(segment, segment), noted.id or ids, noted.name)


def result_of(status: int) -> Result:
    """What a status means: the hub said no, or it did not work."""
    if status < 400:
        return "ok"
    return "refused" if status in (401, 403, 429) else "failed"
