"""PostgreSQL and Valkey from the wheels of the `embedded` extra, run as our own children on sockets, never on a port."""

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.embedded.server import EmbeddedServer
from medianest_hub.infrastructure.embedded.services import EmbeddedServices, services_for
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedServer", "EmbeddedServices", "EmbeddedValkey", "services_for"]
