"""Runs the simulator alone with the household in it and prints the settings to reach it by; stops on Ctrl-C."""

import argparse
import time

from .household import furnish, household_script
from .server import KumaSimulator

parser = argparse.ArgumentParser(description="Play an Uptime Kuma.")
parser.add_argument("--version", default="2.5.3", help="1.23.17 speaks as the 1.x line does")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--live", action="store_true", help="let the monitors beat")
arguments = parser.parse_args()
simulator = KumaSimulator(arguments.version, port=arguments.port, host=arguments.host)
key = furnish(simulator)
with simulator.running():
    if arguments.live:
        simulator.live(household_script)
    print(f"url = {simulator.url!r}\napi_key = {key!r}\nstatus_page = 'main'", flush=True)
    print(f"username = {simulator.world.username!r}\npassword = {simulator.world.password!r}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
