"""Runs the services alone and prints addresses that reach them, and each message as it arrives; stops on Ctrl-C."""

import asyncio
import contextlib

from .http import NotifySinks


async def main() -> None:
    async with NotifySinks().running() as sinks:
        print(f'private_addresses = ["{sinks.host}"]\nservices = ["ntfy", "gotify", "mattermost", "json"]')
        for address in (
            f"ntfy://{sinks.host}/topic",
            f"gotify://{sinks.host}/{sinks.token}",
            f"json://{sinks.host}/hook/hall",
        ):
            print(address, flush=True)
        shown = 0
        while True:
            fresh = sinks.arrived[shown:]
            shown += len(fresh)
            for one in fresh:
                print(f"{one.service} {one.to}: {one.title}: {one.body}", flush=True)
            await asyncio.sleep(0.2)


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
