"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_notify import tables

APP_CONFIG = AppConfig(
    app_name="notify",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[tables.AddressRow, tables.DeviceRow, tables.KeyRow, tables.OutgoingRow],
)
