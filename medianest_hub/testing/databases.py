"""Databases of tests: made from a template once, emptied and handed out again, since making one costs more than most tests.

One is handed out under a new name each time, so that what still knows the old one cannot come back to it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from medianest_hub.infrastructure.embedded.postgres import ROLE

_numbers = itertools.count(1)  # of all databases made by this process, whichever server they are on

_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%'"

# Copies of a template have its oids: any change of a definition makes another text of this.
_SHAPE = f"""
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT concat_ws(' ', 'class', c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.reloptions, c.relrowsecurity) AS line
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}
    UNION ALL SELECT concat_ws(' ', 'column', attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attisdropped, attacl)
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}
    UNION ALL SELECT concat_ws(' ', 'default', oid, adrelid, adnum, pg_get_expr(adbin, adrelid)) FROM pg_attrdef
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, conname, convalidated) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', 'index', indexrelid, indisvalid, indisunique) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'function', oid, proname, prosrc) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', 'type', oid, typname) FROM pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd')
    UNION ALL SELECT concat_ws(' ', 'label', oid, enumlabel) FROM pg_enum
    UNION ALL SELECT concat_ws(' ', 'schema', n.oid, n.nspname, n.nspacl, n.nspowner) FROM pg_namespace n WHERE {_OURS}
    UNION ALL SELECT concat_ws(' ', 'extension', oid, extname) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', 'setting', setrole, setconfig) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS lines
"""  # nosec B608 # noqa: S608 - a constant of ours
_TABLES = f"""
SELECT c.oid::regclass::text AS name, c.oid, pg_relation_size(c.oid) AS bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND {_OURS}
"""  # nosec B608 # noqa: S608 - a constant of ours
_SEQUENCES = "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) AS name, last_value FROM pg_sequences"
_OTHERS_OUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What a template holds: its definitions in short, rows as JSON by table, where its sequences are."""

    shape: str
    rows: dict[str, str]
    sequences: dict[str, int | None]


class Databases:
    """Those of one PostgreSQL, whose `sockets` lie in that folder; its superuser is let in by them."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._beginnings: dict[str, _Beginning] = {}
        self._idle: defaultdict[str, list[str]] = defaultdict(list)
        self._made_from: dict[str, str] = {}

    async def fresh(self, template: str) -> str:
        """The name of a database that is as the template is, which nobody uses while this is called."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        if self._idle[template]:
            await self._do(f'ALTER DATABASE "{self._idle[template].pop()}" RENAME TO "{name}"')
        else:
            await self._do(f'CREATE DATABASE "{name}" OWNER {ROLE} TEMPLATE "{template}"')
        self._made_from[name] = template
        return name

    async def give_back(self, name: str) -> None:
        """End all connections to it and empty it for somebody else; one whose definitions were changed is dropped."""
        template = self._made_from.pop(name, "")
        if template and await self._emptied(name, template):
            self._idle[template].append(name)
        else:
            await self._do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _emptied(self, name: str, template: str) -> bool:
        try:
            beginning = await self._beginning(template)
            async with asyncio.timeout(20):
                connection = await self._connect(name)
                try:
                    await connection.execute(_OTHERS_OUT)
                    return await _emptied(connection, beginning)
                finally:
                    await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # whatever the test did to it: another one is made

    async def _beginning(self, template: str) -> _Beginning:
        if template not in self._beginnings:
            copy = f"beginning_{os.getpid()}_{next(_numbers)}"  # a template in use could not be copied
            await self._do(f'CREATE DATABASE "{copy}" OWNER {ROLE} TEMPLATE "{template}"')
            connection = await self._connect(copy)
            try:
                self._beginnings[template] = await _look(connection)
            finally:
                await connection.close()
            await self._do(f'DROP DATABASE "{copy}" WITH (FORCE)')
        return self._beginnings[template]

    async def _connect(self, database: str) -> asyncpg.Connection[Any]:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            user="postgres", database=database, host=str(self._sockets)
        )
        return connection

    async def _do(self, sql: str) -> None:
        connection = await self._connect("postgres")
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


async def _look(connection: asyncpg.Connection[Any]) -> _Beginning:
    tables = [row["name"] for row in await connection.fetch(_TABLES) if row["bytes"]]
    return _Beginning(
        await connection.fetchval(_SHAPE),
        {table: await _rows(connection, table) for table in tables},
        {row["name"]: row["last_value"] for row in await connection.fetch(_SEQUENCES)},
    )


async def _rows(connection: asyncpg.Connection[Any], table: str) -> str:
    # The name comes from the catalogue, quoted by `regclass`.
    rows: str = await connection.fetchval(
        f"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)), '[]')::text FROM {table} t"  # nosec B608 # noqa: S608
    )
    return rows


async def _emptied(connection: asyncpg.Connection[Any], beginning: _Beginning) -> bool:
    if await connection.fetchval(_SHAPE) != beginning.shape:
        return False
    await connection.execute("SET session_replication_role = replica")  # no trigger of ours has a say
    used = [row for row in await connection.fetch(_TABLES) if row["bytes"] and row["name"] not in beginning.rows]
    if used:
        await connection.execute(f"TRUNCATE {', '.join(row['name'] for row in used)} RESTART IDENTITY CASCADE")
    for table, rows in beginning.rows.items():
        if await _rows(connection, table) != rows:
            await connection.execute(f"TRUNCATE {table} CASCADE")
            await connection.execute(  # the name as above
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1)",  # nosec B608 # noqa: S608
                rows,
            )
    await connection.execute(
        "DELETE FROM pg_statistic WHERE starelid >= 16384"
    )  # how queries are planned begins anew, too
    for row in await connection.fetch(_SEQUENCES):
        name, known = row["name"], beginning.sequences[row["name"]]
        if row["last_value"] != known:
            await connection.execute(f"ALTER SEQUENCE {name} RESTART")
            if known is not None:
                await connection.execute("SELECT setval($1::regclass, $2)", name, known)
    return True
