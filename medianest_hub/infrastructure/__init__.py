"""What the hub stands on: database, Redis, outside calls, secrets, logs, metrics. Knows no plugin and no HTTP route."""

from medianest_hub.infrastructure.lazy_imports import import_lazily

import_lazily("black")  # piccolo.conf.apps imports it, to write migration files only
