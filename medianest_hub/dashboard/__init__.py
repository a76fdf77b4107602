"""Widgets: loaded side by side, cached per scope over all replicas, pushed when they change. Knows no HTTP and no socket."""

from medianest_hub.dashboard.board import Board, Dashboard
from medianest_hub.dashboard.models import DashboardPage, Tile, TileError, TileState

__all__ = ["Board", "Dashboard", "DashboardPage", "Tile", "TileError", "TileState"]
