"""Overseerr and Seerr for MediaNest Hub."""
