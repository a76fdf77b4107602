"""Uptime Kuma 1.23.17 and 2.5.3 as one real server with state and faults; it knows nothing of the hub.

`world` holds all state (`records` are its parts) and `accounts` says who may enter; `uptime`, `monitor_json`, `pushes`,
`metrics` and `pages` say what an instance would say of it; `rest` and `sockets` (with `calls`) answer over HTTP and Socket.IO;
`faults` spoils answers, `webhook` posts notifications, `live` lets monitors beat; `server` runs it all and has the `knobs`.
Run it alone with `python -m tests.simulators.uptime_kuma --live`.
"""
