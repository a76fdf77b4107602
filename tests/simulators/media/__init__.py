"""A small real HTTP server of real media with faults by URL; it knows nothing of the hub.

Every fault is part of the path (`/fault/<faults>/<key>/media/clip.mp4`), so a test in any process can ask for one
without talking to this one. Run it alone with `python -m tests.simulators.media --port 8000`.
"""
