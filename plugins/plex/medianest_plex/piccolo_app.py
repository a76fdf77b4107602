"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_plex import tables

APP_CONFIG = AppConfig(
    app_name="plex",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[
        tables.InstallationRow,
        tables.KnownServerRow,
        tables.ServerRow,
        tables.SectionRow,
        tables.ItemRow,
        tables.HintRow,
        tables.ArrivalRow,
        tables.GroupingRow,
        tables.GroupedRow,
        tables.SeenRow,
        tables.SeenStateRow,
        tables.PlayingRow,
        tables.ListenerRow,
        tables.EndedRow,
    ],
)
