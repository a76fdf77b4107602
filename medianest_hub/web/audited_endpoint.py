"""A mounted route whose calls are written to the audit log, whatever becomes of them; answers as any other does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from sanic.exceptions import SanicException

from medianest_hub.audit.entry import Entry
from medianest_hub.web import problems
from medianest_hub.web.auditing import (
    CLIENT_GONE,
    MAY_BE_LEFT_OUT,
    Note,
    actor_of,
    is_quiet,
    noting,
    result_of,
    target_of,
)
from medianest_hub.web.calling import foreseen
from medianest_hub.web.endpoint import Endpoint, Exchange
from medianest_hub.web.header_block import Answer

_WELL: Final = 200


class AuditedEndpoint(Endpoint):
    """Records the result before the answer is sent. Strangers are recorded only where a handler met them: a sign-in."""

    async def _serve(self, exchange: Exchange) -> Answer | None:
        with noting() as note:
            try:
                answer = await super()._serve(exchange)
            except asyncio.CancelledError:
                # Whoever hangs up cannot keep what they did out of the log.
                entry, parts = self._entry(exchange, note, 499, CLIENT_GONE), self._hub.parts
                if entry is not None and parts is not None:
                    parts.audit.record_soon(entry)
                raise
            except Exception as error:
                known = problems.of_sanic(error) if isinstance(error, SanicException) else foreseen(error)
                known = known or problems.internal()
                await self._record(self._entry(exchange, note, problems.status_of(known), known.error_code))
                raise
            await self._record(self._entry(exchange, note, _WELL, ""))
            return answer

    async def _record(self, entry: Entry | None) -> None:
        parts = self._hub.parts
        if entry is not None and parts is not None:
            await parts.audit.record(entry)

    def _entry(self, exchange: Exchange, note: Note, status: int, code: str) -> Entry | None:
        """What to write down; None for nothing: nobody known asked and no handler was reached, or it is a quiet one."""
        name, person, claims = self.mounted.name, exchange.person, exchange.claims
        if person is None and not exchange.reached:
            return None
        result = result_of(status)
        if is_quiet(name, code) or (result == "ok" and note.left_out and name in MAY_BE_LEFT_OUT):
            return None
        values = {name: exchange.segments[f"p{index}"] for index, name in enumerate(self._names)}
        entry = Entry(
            action=name,
            actor=actor_of(note, person, claims),
            result=result,
            target=target_of(note, self.mounted.template, values, trusted=person is not None or result == "ok"),
            address=self._hub.addresses.of(exchange.request),
            code=code,
            request_id=exchange.id,
            details=dict(note.details),
        )
        if entry.actor.kind == "api_key" and claims is not None:
            entry = replace(entry, details={"key_id": str(claims.session_id), **entry.details})
        return entry
