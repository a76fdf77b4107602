"""Runs the media simulator alone and prints its address; stops on Ctrl-C."""

import argparse
import time

from .server import MediaServer

parser = argparse.ArgumentParser(description="Serve real media, well or badly.")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--host", default="127.0.0.1")
arguments = parser.parse_args()
with MediaServer(arguments.port, arguments.host).running() as server:
    print(server.url, flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
