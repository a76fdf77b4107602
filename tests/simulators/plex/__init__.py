"""plex.tv, app.plex.tv and one Plex server as small real servers with state and faults; they know nothing of the hub.

One file an area: `world` holds all state, `pins`, `accounts`, `sign_in_page` and `media_server` answer from it, `faults`
spoils answers, `rendering` writes JSON or XML as asked for, `server` runs the three. Run them alone with
`python -m tests.simulators.plex --port 8100`.
"""
