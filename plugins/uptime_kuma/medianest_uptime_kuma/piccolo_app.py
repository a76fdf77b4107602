"""The Piccolo app the hub migrates. It imports the tables and nothing else of this plugin."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig

from medianest_uptime_kuma import tables

APP_CONFIG = AppConfig(
    app_name="uptime_kuma",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[
        tables.SourceRow,
        tables.MonitorRow,
        tables.BeatRow,
        tables.HourlyRow,
        tables.DailyRow,
        tables.TouchedRow,
        tables.IncidentRow,
        tables.MaintenanceRow,
    ],
)
