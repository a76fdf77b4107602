"""Databases that tests hand on: whoever gets one finds it as the template is, whatever was done to it before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from medianest_hub.infrastructure.embedded.postgres import ROLE, EmbeddedPostgres
from medianest_hub.testing.databases import Databases

DEFINITIONS = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE shop.sale (id bigint GENERATED ALWAYS AS IDENTITY, customer_id int REFERENCES shop.customer, at timestamptz);
CREATE TABLE shop.country (code text PRIMARY KEY, facts jsonb);
CREATE SEQUENCE shop.ticket;
INSERT INTO shop.country VALUES ('no', '{"capital": "Oslo"}'), ('de', NULL);
SELECT nextval('shop.ticket');
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON shop.sale EXECUTE FUNCTION shop.refuse();
"""


@pytest.fixture
def databases(postgres_server: EmbeddedPostgres) -> Databases:
    return Databases(postgres_server.sockets)


async def open_one(postgres: EmbeddedPostgres, name: str, user: str = ROLE) -> asyncpg.Connection[Any]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(user=user, database=name, host=str(postgres.sockets))
    return connection


@pytest.fixture
async def template(databases: Databases, postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = await databases.fresh("template0")
    connection = await open_one(postgres_server, name)
    await connection.execute(DEFINITIONS)
    await connection.close()
    yield name
    await databases.give_back(name)


async def test_it_is_as_the_template_is_whatever_was_written(databases, template, postgres_server):
    first = await databases.fresh(template)
    left_open = await open_one(postgres_server, first)
    await left_open.execute(
        """
        INSERT INTO shop.customer (name) SELECT 'c' || n FROM generate_series(1, 500) n;
        INSERT INTO shop.sale (customer_id) SELECT id FROM shop.customer;
        ANALYZE;
        UPDATE shop.country SET code = 'sv' WHERE code = 'no';
        INSERT INTO shop.country VALUES ('dk', '{}');
        SELECT nextval('shop.ticket') FROM generate_series(1, 9);
        """
    )
    await databases.give_back(first)

    second = await databases.fresh(template)
    assert second != first
    connection = await open_one(postgres_server, second)
    oid = await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
    assert await connection.fetchval("SELECT count(*) FROM shop.customer") == 0
    assert await connection.fetchval("SELECT count(*) FROM shop.sale") == 0
    assert await connection.fetchval("SELECT count(*) FROM pg_stats WHERE schemaname = 'shop'") == 0
    rows = await connection.fetch("SELECT code, facts->>'capital' AS capital FROM shop.country ORDER BY code")
    assert [(row["code"], row["capital"]) for row in rows] == [("de", None), ("no", "Oslo")]
    assert await connection.fetchval("INSERT INTO shop.customer (name) VALUES ('x') RETURNING id") == 1
    assert await connection.fetchval("INSERT INTO shop.sale (customer_id) VALUES (1) RETURNING id") == 1
    assert await connection.fetchval("SELECT nextval('shop.ticket')") == 2
    with pytest.raises(asyncpg.PostgresError, match="never"):
        await connection.execute("DELETE FROM shop.sale")
    await connection.close()
    await databases.give_back(second)

    third = await databases.fresh(template)
    connection = await open_one(postgres_server, third)
    assert await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()") == oid
    await connection.close()
    await databases.give_back(third)


async def test_what_was_connected_is_thrown_out_and_does_not_come_back(databases, template, postgres_server):
    name = await databases.fresh(template)
    left_open = await open_one(postgres_server, name)
    await databases.give_back(name)
    following = await databases.fresh(template)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left_open.fetchval("SELECT 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await open_one(postgres_server, name)
    await databases.give_back(following)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE shop.more (n int)",
        "ALTER TABLE shop.customer ADD COLUMN age int",
        "ALTER TABLE shop.customer ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE shop.sale DISABLE TRIGGER kept",
        "DROP SEQUENCE shop.ticket",
        "CREATE INDEX ON shop.sale (at)",
        "CREATE OR REPLACE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE SCHEMA other",
        "ALTER TABLE shop.country ALTER COLUMN facts SET DEFAULT '{}'",
        "REVOKE SELECT ON shop.country FROM " + ROLE,
    ],
)
async def test_one_with_other_definitions_is_not_handed_on(databases, template, postgres_server, change):
    name = await databases.fresh(template)
    connection = await open_one(postgres_server, name)
    await connection.execute(change)
    await connection.close()
    await databases.give_back(name)

    connection = await open_one(postgres_server, "postgres", "postgres")
    left = await connection.fetch("SELECT datname FROM pg_database WHERE datname = $1", name)
    await connection.close()
    assert left == []


async def test_many_at_once_get_one_each(databases, template):
    names = await asyncio.gather(*(databases.fresh(template) for _ in range(3)))
    assert len(set(names)) == 3
    await asyncio.gather(*map(databases.give_back, names))
    assert len(set(await asyncio.gather(*(databases.fresh(template) for _ in range(3)))) - set(names)) == 3
