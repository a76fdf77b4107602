"""Uptime Kuma for MediaNest Hub."""
