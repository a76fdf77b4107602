"""The hub against simulated services, for people to try: `python -m tests.demo`, or `make demo`.

One module for each simulated service (`uptime_kuma`, `plex`), all of the shape `service` says; `control` is the port by
which their knobs are turned, `household` who lives there, `printed` what is said, and `__main__` puts them together.
"""
