"""Apprise and web push for MediaNest Hub."""
