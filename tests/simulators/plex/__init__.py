"""plex.tv, app.plex.tv and one Plex server as small real servers with state and faults; they know nothing of the hub.

`world` holds accounts, servers, tokens and pins; `pins`, `accounts`, `friends` and `sign_in_page` are plex.tv's answers.

Of the server at home, `library` holds all items (`items` are its records, `bulk` makes them by the hundred thousand) and
`playing` what somebody plays; `pms` gathers its state, `access` says who may see what. `queries` finds and pages,
`item_json` says what Plex would of an item, `containers` writes JSON or XML. `media_server` gathers the routes of
`library_routes`, `hubs`, `status_routes`, `pictures` and `scans`; `notifications` is the websocket, `webhook` posts.

`faults` spoils answers, `server` runs it all and has the knobs of `knobs` and `player_knobs`. Run it alone, with the
library of `household` in it, with `python -m tests.simulators.plex --port 8100`.
"""
