"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_youtube.tables import DownloadRow, FolderRow, MediaFileRow

APP_CONFIG = AppConfig(
    app_name="youtube",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[MediaFileRow, DownloadRow, FolderRow],
)
