"""The services of a context that need nothing above this room: cache, secrets, metrics."""
