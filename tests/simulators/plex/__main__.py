"""Runs the Plex simulator alone with the household in it and prints its addresses; stops on Ctrl-C."""

import argparse
import time

from .household import furnish
from .server import PlexSimulator

parser = argparse.ArgumentParser(description="Play plex.tv, its sign-in page and a Plex server.")
parser.add_argument("--port", type=int, default=0, help="of the Plex server; plex.tv and the page take the next two")
parser.add_argument("--host", default="127.0.0.1")
arguments = parser.parse_args()
simulator = PlexSimulator(arguments.port, arguments.host)
furnish(simulator)
with simulator.running():
    token = simulator.world.token(simulator.world.owner)
    print(f"url = {simulator.server_url!r}\nplex_tv_url = {simulator.plex_tv_url!r}", flush=True)
    print(f"app_url = {simulator.app_url!r}\ntoken = {token!r}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
