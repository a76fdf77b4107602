"""The Piccolo app of the core: its migrations are SQL, so it registers no table classes."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

APP_CONFIG = AppConfig(app_name="medianest", migrations_folder_path=Path(__file__).parent / "migrations")
