"""Runs the simulator alone with the household in it and prints the settings to reach it by; stops on Ctrl-C."""

import argparse
import time

from .household import furnish
from .server import SEERR, OverseerrSimulator

parser = argparse.ArgumentParser(description="Play an Overseerr or a Seerr.")
parser.add_argument("--version", default=SEERR, help="1.34.0 speaks as Overseerr does")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--webhook", default="", help="post what happens to this address")
parser.add_argument("--authorization", default="", help="with this header")
parser.add_argument("--fill", type=int, default=0, help="add so many generated films and series")
arguments = parser.parse_args()
simulator = OverseerrSimulator(arguments.version, port=arguments.port, host=arguments.host)
furnish(simulator)
simulator.fill(movies=arguments.fill, shows=arguments.fill)
if arguments.webhook:
    simulator.set_webhook(arguments.webhook, arguments.authorization)
with simulator.running():
    print(f"url = {simulator.url!r}\napi_key = {simulator.api_key!r}", flush=True)
    print(f"picture_url = {simulator.picture_url!r}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
