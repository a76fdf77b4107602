"""The printed link."""

import pytest

from medianest_hub.settings import HubSettings
from medianest_hub.web.setup_link import setup_link


@pytest.mark.parametrize(
    ("server", "link"),
    [
        ({}, "http://127.0.0.1:4000/setup#token=abc"),
        ({"host": "0.0.0.0", "port": 8080}, "http://127.0.0.1:8080/setup#token=abc"),
        ({"host": "::"}, "http://[::1]:4000/setup#token=abc"),
        ({"host": "fd00::7"}, "http://[fd00::7]:4000/setup#token=abc"),
        ({"host": "nas.local"}, "http://nas.local:4000/setup#token=abc"),
        ({"public_url": "https://media.example.org/"}, "https://media.example.org/setup#token=abc"),
    ],
)
def test_the_link_leads_where_the_hub_is_reached(server: dict[str, object], link: str) -> None:
    assert setup_link(HubSettings(server=server), "abc") == link  # type: ignore[arg-type]
