"""Finds plugins, checks them, keeps their state and gives each its context. Knows no HTTP, no job and no widget."""
