"""Plex for MediaNest Hub."""
