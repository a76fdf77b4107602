"""The simulator is driven by plexapi, a client others wrote for the real Plex: what it cannot use is simulated wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from plexapi.exceptions import Unauthorized
from plexapi.myplex import MyPlexAccount, MyPlexPinLogin, MyPlexResource
from plexapi.server import PlexServer

from tests.simulators.plex.server import PlexSimulator


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def plexapi(plex: PlexSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """plexapi speaks to the simulator instead of plex.tv."""
    for owner, name in (
        (MyPlexPinLogin, "PINS"),
        *((MyPlexAccount, name) for name in ("key", "LINK", "PING", "SIGNOUT")),
        (MyPlexResource, "key"),
    ):
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, real.replace("https://plex.tv", plex.plex_tv_url))


def signed_in(plex: PlexSimulator, session: requests.Session, who: str) -> Any:
    login = MyPlexPinLogin(session=session, oauth=True)
    url = login.oauthUrl("http://hub.test/back").replace("https://app.plex.tv", plex.app_url)
    assert login.checkLogin() is False
    assert not login.expired
    assert plex.approve(url, who) == "http://hub.test/back"
    assert login.checkLogin() is True
    return MyPlexAccount(token=login.token, session=session)


@pytest.mark.usefixtures("plexapi")
class TestWithPlexapi:
    def test_a_pin_login_ends_with_the_account_and_its_servers(self, plex, session):
        account = signed_in(plex, session, "friend")

        friend = plex.world.find("friend")
        assert (account.id, account.username, account.email) == (friend.id, "friend", "friend@home.example")
        assert (account.confirmed, account.restricted, account.friendlyName) == (True, False, "Fred Friend")
        server, player = account.resources()
        assert (server.clientIdentifier, server.provides) == (plex.world.home.machine_identifier, "server")
        assert (server.owned, server.ownerId) == (False, plex.world.owner.id)
        assert server.connections[0].uri == plex.server_url
        assert player.provides.split(",")[0] == "client"

    def test_an_owner_owns_their_server_and_it_lets_them_in(self, plex, session):
        account = signed_in(plex, session, "owner")

        server = account.resources()[0]
        assert server.owned is True
        found = PlexServer(plex.server_url, server.accessToken, session=session)
        assert found.machineIdentifier == plex.world.home.machine_identifier
        assert found.friendlyName == "Living room"

    def test_the_server_refuses_tokens_that_are_not_its_own(self, plex, session):
        with pytest.raises(Unauthorized):
            PlexServer(plex.server_url, plex.world.token(plex.world.find("stranger")), session=session)

    def test_four_letters_are_linked_by_somebody_signed_in(self, plex, session):
        login = MyPlexPinLogin(session=session)
        assert len(login.pin) == 4
        signed_in(plex, session, "friend").link(login.pin)

        assert login.checkLogin() is True

    def test_an_expired_pin_ends_the_login(self, plex, session):
        login = MyPlexPinLogin(session=session, oauth=True)
        login.oauthUrl()
        plex.world.advance(901)

        assert login.checkLogin() is False
        assert login.expired

    def test_a_revoked_token_and_one_signed_out_are_refused(self, plex, session):
        account = signed_in(plex, session, "friend")
        assert account.ping() is True
        plex.world.revoke(plex.world.find("friend"))
        with pytest.raises(Unauthorized):
            account.ping()

        account = signed_in(plex, session, "friend")
        account.signout()
        with pytest.raises(Unauthorized):
            account.ping()


def test_without_a_client_identifier_plex_tv_refuses_with_400(plex, session):
    answer = session.post(f"{plex.plex_tv_url}/api/v2/pins", headers={"Accept": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == 1000


def test_xml_is_what_comes_when_json_was_not_asked_for(plex, session):
    headers = {"X-Plex-Client-Identifier": "test", "Accept": "*/*"}
    answer = session.post(f"{plex.plex_tv_url}/api/v2/pins?strong=true", headers=headers)
    assert answer.text.startswith("<?xml")
    assert session.get(f"{plex.server_url}/identity").text.startswith("<?xml")

    refused = session.get(f"{plex.plex_tv_url}/api/v2/user", headers=headers)
    assert (refused.status_code, "<error " in refused.text) == (401, True)


def test_too_many_pins_within_a_minute_are_refused(plex, session):
    plex.world.pins_per_minute = 2
    headers = {"X-Plex-Client-Identifier": "test", "Accept": "application/json"}
    url = f"{plex.plex_tv_url}/api/v2/pins?strong=true"

    assert [session.post(url, headers=headers).status_code for _ in range(3)] == [201, 201, 429]
    plex.world.advance(61)
    assert session.post(url, headers=headers).status_code == 201


def test_somebody_elses_pin_and_a_page_of_letters_are_not_found(plex, session):
    mine, other = ({"X-Plex-Client-Identifier": name, "Accept": "application/json"} for name in ("mine", "other"))
    pin = session.post(f"{plex.plex_tv_url}/api/v2/pins?strong=true", headers=mine).json()
    assert (pin["authToken"], pin["expiresIn"], len(pin["code"])) == (None, 900, 25)

    for number, headers in ((pin["id"], other), ("abc", mine), (pin["id"] + 1, mine)):
        answer = session.get(f"{plex.plex_tv_url}/api/v2/pins/{number}", headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 1020)
