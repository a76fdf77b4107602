"""A plugin that takes its process down while being imported is found by the supervisor and left out; the hub comes up."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.testing.distributions import plugin_source, sql_migrations, write_distribution
from medianest_hub.testing.hub import Hub, run_hub

from .faulty_plugins import write_healthy

# `medianest serve`, but for less patience with an import that does not end.
IMPATIENT = """
import os, sys
from medianest_hub.settings import load_settings
from medianest_hub.supervisor import Patience, Supervisor
sys.exit(Supervisor(load_settings(None, os.environ), patience=Patience(loading=2.0)).run())
"""
EXIT = "import os\nos._exit(0)\n"
DEADLY = {
    "exits": EXIT,
    "exits_with_our_code": EXIT.replace("0", "2"),
    "loops": "while True:\n    pass\n",
    "crashes": "import ctypes\nctypes.string_at(0)\n",
}


def plugin_cards(reply: Any) -> dict[str, Any]:
    return {card["name"]: card for card in reply.json()["items"]}


@pytest.mark.timeout(180)
def test_every_deadly_plugin_is_quarantined_the_others_serve_and_a_repaired_one_comes_back(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, source in DEADLY.items():
        write_distribution(site, name, source)
    tables = {**sql_migrations("deadly_tables", "SELECT 1"), "piccolo_app.py": EXIT}
    write_distribution(site, "deadly_tables", plugin_source(), files=tables)
    write_healthy(site)

    async def look_and_let_out(hub: Hub) -> None:
        cards = plugin_cards(await hub.admin.get("/api/v1/plugins"))
        for name in (*DEADLY, "deadly_tables"):
            assert (cards[name]["state"], "quarantined" in cards[name]["reason"]) == ("failed", True), name
        await hub.admin.until("/api/v1/healthy/counts", lambda reply: "beats" in reply.json()["counts"])
        done = await hub.command("plugins", "enable", "exits")
        assert "restart the hub" in done.stdout

    async def look_again(hub: Hub) -> None:
        cards = plugin_cards(
            await hub.admin.until("/api/v1/plugins", lambda reply: plugin_cards(reply)["exits"]["state"] == "running")
        )
        assert cards["loops"]["state"] == "failed"

    serve(tmp_path, site, look_and_let_out)
    write_distribution(site, "exits", plugin_source())
    serve(tmp_path, site, look_again)


def serve(folder: Path, site: Path, look: Any) -> None:
    """Run a hub with what is in `site`, and `look` at it."""

    async def inside(process: Any) -> None:
        async with Hub(process) as hub:
            await look(hub)

    program = (sys.executable, "-c", IMPATIENT)
    settings = {"plugins": {"blocked": ["youtube"]}}
    with run_hub(folder / "h", settings, environment={"PYTHONPATH": str(site)}, program=program) as process:
        object.__setattr__(process, "program", (sys.executable, "-P", "-m", "medianest_hub"))
        asyncio.run(inside(process))
