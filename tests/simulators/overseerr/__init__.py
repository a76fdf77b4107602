"""Overseerr 1.34 and Seerr 3.1 as one real server with state and faults; it knows nothing of the hub.

`world` holds all state (`records` are its parts), `catalogue` the titles there are (`titles` are those made up by hand,
`names` finds them). `requesting` and `issues` are the rules by which state changes, `notices` what is told of it.
`contract` says what a path lets in and `access` who may; `record_json`, `issue_json` and `title_json` write as the service
writes, in both dialects; the `…_routes` answer. `pictures` stands for TMDB's images, `webhook` posts, `faults` spoils
answers, `server` runs it all and has the knobs of `knobs`.

Run it alone, with the household of `household` in it, with `python -m tests.simulators.overseerr --port 5055`.
"""
