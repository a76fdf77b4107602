"""Calls to outside services for plugins: bounded in time, size and number, broken off while a service is down."""

from medianest_hub.infrastructure.http_client.answer import HttpAnswer
from medianest_hub.infrastructure.http_client.breaker import Breaker
from medianest_hub.infrastructure.http_client.client import HttpClient
from medianest_hub.infrastructure.http_client.clients import HttpClients

__all__ = ["Breaker", "HttpAnswer", "HttpClient", "HttpClients"]
