"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_overseerr import tables

APP_CONFIG = AppConfig(
    app_name="overseerr",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[
        tables.SourceRow,
        tables.AccountRow,
        tables.MatchRow,
        tables.UnmatchedRow,
        tables.RequestRow,
        tables.TitleRow,
        tables.IssueRow,
    ],
)
