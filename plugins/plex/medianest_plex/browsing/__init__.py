"""Reads the library as one person may see it, out of Postgres alone; writes nothing of it, and asks Plex nothing."""
