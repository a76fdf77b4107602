"""Makes the two tables. Written by `piccolo migrations new hello --auto`; never edited once it has been released."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import UUID, BigInt, BigSerial, Text, Timestamptz, Varchar
from piccolo.columns.indexes import IndexMethod

ID = "2026-11-22T08:05:16:210991"
VERSION = "1.38.0"
DESCRIPTION = "The guest book and its pulse"


async def forwards() -> MigrationManager:
    """Make both tables."""
    manager = MigrationManager(migration_id=ID, app_name="hello", description=DESCRIPTION)

    manager.add_table(
        class_name="GreetingRow",
        tablename="greeting",
        schema="plugin_hello",
        columns=None,
    )

    manager.add_table(
        class_name="PulseRow",
        tablename="pulse",
        schema="plugin_hello",
        columns=None,
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="id",
        db_column_name="id",
        column_class_name="BigSerial",
        column_class=BigSerial,
        params={
            "null": False,
            "primary_key": True,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="author_id",
        db_column_name="author_id",
        column_class_name="UUID",
        column_class=UUID,
        params={
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": True,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="author_name",
        db_column_name="author_name",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 100,
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="text",
        db_column_name="text",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 200,
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="left_at",
        db_column_name="left_at",
        column_class_name="Timestamptz",
        column_class=Timestamptz,
        params={
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": True,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="GreetingRow",
        tablename="greeting",
        column_name="answer",
        db_column_name="answer",
        column_class_name="Text",
        column_class=Text,
        params={
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="PulseRow",
        tablename="pulse",
        column_name="name",
        db_column_name="name",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 40,
            "default": None,
            "null": False,
            "primary_key": True,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="PulseRow",
        tablename="pulse",
        column_name="fence",
        db_column_name="fence",
        column_class_name="BigInt",
        column_class=BigInt,
        params={
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="PulseRow",
        tablename="pulse",
        column_name="beats",
        db_column_name="beats",
        column_class_name="BigInt",
        column_class=BigInt,
        params={
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    manager.add_column(
        table_class_name="PulseRow",
        tablename="pulse",
        column_name="beat_at",
        db_column_name="beat_at",
        column_class_name="Timestamptz",
        column_class=Timestamptz,
        params={
            "default": None,
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema="plugin_hello",
    )

    return manager
