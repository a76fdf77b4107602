"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_plex.tables import InstallationRow, KnownServerRow

APP_CONFIG = AppConfig(
    app_name="plex",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[InstallationRow, KnownServerRow],
)
