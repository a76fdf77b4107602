"""What the hub stands on: database, Redis, outside calls, secrets, logs, metrics. Knows no plugin and no HTTP route."""
