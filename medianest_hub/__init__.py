"""MediaNest Hub: a host that knows people, safety and delivery; this package file holds the version and imports nothing."""

__version__ = "0.1.0"
