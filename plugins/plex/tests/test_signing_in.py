"""Beginning and completing a sign-in: where the browser is sent, who comes out, and who is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from medianest_hub.plugin_api.errors import Forbidden, Gone, Unavailable, UpstreamError
from medianest_plex.models import Account
from medianest_plex.sign_in import begin, complete
from tests.simulators.plex.server import PlexSimulator

from .conftest import RETURN_URL


@pytest.fixture
def ctx(settled):
    return settled


async def sign_in(ctx, plex: PlexSimulator, who):
    started = await begin(ctx, RETURN_URL)
    assert plex.approve(started.url, who) == RETURN_URL
    return await complete(ctx, started.state, {})


async def test_the_browser_is_sent_to_plex_with_code_product_and_the_way_back(ctx, plex):
    started = await begin(ctx, RETURN_URL)

    parts = urlsplit(started.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{plex.app_url}/auth"
    assert parts.query == ""  # nothing the sign-in page's server would log
    asked = {name: value for name, (value,) in parse_qs(parts.fragment.lstrip("?")).items()}
    identifier = plex.asked_of("pins.create")[0].headers["X-Plex-Client-Identifier"]
    assert asked == {
        "clientID": identifier,
        "code": started.state["code"],
        "context[device][product]": "MediaNest Hub",
        "forwardUrl": RETURN_URL,
    }
    assert started.poll_seconds == 2
    assert "MediaNest+Hub" not in started.url


async def test_nobody_comes_out_until_somebody_said_yes(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    assert await complete(ctx, started.state, {}) is None
    assert plex.asked_of("user") == []

    plex.approve(started.url, "friend")
    identity = await complete(ctx, started.state, {})

    friend = plex.world.find("friend")
    assert identity is not None
    assert (identity.subject, identity.username, identity.display_name) == (str(friend.id), "friend", "Fred Friend")
    assert (identity.email, identity.email_verified) == ("friend@home.example", True)
    assert identity.avatar == f"https://plex.tv/users/{friend.uuid}/avatar?c=946730096"
    assert plex.world.tokens[identity.secret] == friend.id
    assert identity.role is None


async def test_completing_twice_gives_the_same_person(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")

    assert await complete(ctx, started.state, {}) == await complete(ctx, started.state, {})


async def test_the_owner_is_let_in(ctx, plex):
    identity = await sign_in(ctx, plex, "owner")
    assert identity.subject == str(plex.world.owner.id)


async def test_an_address_plex_has_not_confirmed_is_not_verified(ctx, plex):
    account = plex.world.friend("unsure", email="owner@home.example", confirmed=False)
    identity = await sign_in(ctx, plex, account)
    assert (identity.email, identity.email_verified) == ("owner@home.example", False)


async def test_a_managed_user_of_a_plex_home_has_a_name_and_no_address(ctx, plex):
    identity = await sign_in(ctx, plex, plex.world.managed("Kid"))
    assert (identity.username, identity.display_name, identity.email, identity.email_verified) == (
        "Kid",
        "Kid",
        None,
        False,
    )


async def test_an_account_without_any_name_is_called_by_its_number(ctx, plex):
    account = plex.world.friend("", title="\x00\u202e ")
    assert (await sign_in(ctx, plex, account)).username == f"plex-{account.id}"


async def test_names_come_without_what_no_database_and_no_page_can_bear(ctx, plex):
    account = plex.world.friend("a\x00b\u202ec" + "d" * 500, friendly_name="line\nbreak")
    identity = await sign_in(ctx, plex, account)
    assert identity.username == ("abc" + "d" * 500)[:200]
    assert identity.display_name == "linebreak"


async def test_a_stranger_is_refused_in_words_that_say_what_to_do(ctx, plex):
    with pytest.raises(Forbidden) as refused:
        await sign_in(ctx, plex, "stranger")

    assert refused.value.error_code == "not_a_member"
    assert "Ask its owner" in refused.value.message
    assert ctx.metrics.value("sign_ins", result="stranger") == 1
    await sign_in(ctx, plex, "friend")
    assert ctx.metrics.value("sign_ins", result="member") == 1


async def test_somebody_with_another_server_only_is_a_stranger(ctx, plex):
    stranger = plex.world.find("stranger")
    plex.world.server("Elsewhere", stranger)
    with pytest.raises(Forbidden) as refused:
        await sign_in(ctx, plex, stranger)
    assert refused.value.error_code == "not_a_member"


@pytest.mark.parametrize("with_token", [False, True], ids=["asking the server", "knowing the owner"])
async def test_a_server_registered_under_our_servers_name_lets_nobody_in(make, plex, with_token):
    """A machine identifier is no secret: everybody in the house can read it at `/identity`."""
    world = plex.world
    ctx = await make(**({"token": world.token(world.owner)} if with_token else {}))
    mallory = world.account("mallory")
    accomplice = world.account("accomplice")
    forged = world.server("Forged", mallory, world.home.machine_identifier)
    forged.shared_with.add(accomplice.id)

    for who in (mallory, accomplice):
        with pytest.raises(Forbidden) as refused:
            await sign_in(ctx, plex, who)
        assert refused.value.error_code == "not_a_member"
    friend = world.find("friend")
    forged.shared_with.add(friend.id)  # and it does no harm to those who belong here
    assert (await sign_in(ctx, plex, friend)).subject == str(friend.id)


async def test_a_server_that_asks_nobody_proves_nothing(ctx, plex):
    await begin(ctx, RETURN_URL)
    plex.world.home.lets_everybody_in = True
    with pytest.raises(Unavailable) as refused:
        await sign_in(ctx, plex, "friend")
    assert refused.value.error_code == "plex_cannot_tell"


async def test_knowing_the_owner_people_come_in_while_the_server_is_away(owned, plex):
    await begin(owned, RETURN_URL)
    plex.faults.set("root", "hang")
    plex.faults.set("identity", "hang")
    plex.world.home.lets_everybody_in = True

    assert (await sign_in(owned, plex, "friend")).username == "friend"
    assert (await sign_in(owned, plex, "owner")).username == "owner"
    with pytest.raises(Forbidden):
        await sign_in(owned, plex, "stranger")


async def test_where_plex_names_no_owner_the_server_is_asked(owned, plex):
    plex.world.names_owners = False
    assert (await sign_in(owned, plex, "friend")).username == "friend"
    assert len(plex.asked_of("root")) > 0


async def test_the_owner_is_asked_about_once_an_hour_not_at_every_sign_in(owned, plex):
    tokens = []
    for _ in range(2):
        await sign_in(owned, plex, "friend")
        tokens.append(len(plex.asked_of("user")))
    owned.clock.advance(3601)
    await sign_in(owned, plex, "friend")

    assert [*tokens, len(plex.asked_of("user"))] == [2, 3, 5]


async def test_when_the_owners_token_no_longer_holds_the_server_is_asked(owned, plex):
    await begin(owned, RETURN_URL)
    plex.world.revoke(plex.world.owner)

    assert (await sign_in(owned, plex, "friend")).username == "friend"
    with pytest.raises(Forbidden):
        await sign_in(owned, plex, "stranger")


async def test_the_server_that_first_answered_stays_ours(make, plex):
    ctx = await make()
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    assert await complete(ctx, started.state, {}) is not None

    plex.world.home.machine_identifier = "0" * 40
    ctx.state.clear()
    with pytest.raises(Forbidden):
        await complete(ctx, started.state, {})


async def test_a_server_in_the_place_of_ours_cannot_speak_for_it(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    real = plex.world.home
    impostor = plex.world.server("Impostor", plex.world.account("mallory"))
    impostor.lets_everybody_in = True
    plex.world.home = impostor
    plex.approve(started.url, "friend")

    with pytest.raises(UpstreamError) as refused:
        await complete(ctx, started.state, {})
    assert refused.value.field == "machineIdentifier"
    assert real.machine_identifier != impostor.machine_identifier


async def test_a_pin_that_took_too_long_is_gone(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    plex.world.advance(901)
    with pytest.raises(Gone) as gone:
        await complete(ctx, started.state, {})
    assert gone.value.error_code == "plex_pin_expired"


@pytest.mark.parametrize("state", [{}, {"pin_id": "x", "code": "y"}, {"pin_id": "1", "code": "y"}])
async def test_a_state_that_is_none_is_gone(ctx, state):
    with pytest.raises(Gone):
        await complete(ctx, state, {})


async def test_a_pin_with_another_code_is_not_ours(ctx, plex):
    mine, other = await begin(ctx, RETURN_URL), await begin(ctx, RETURN_URL)
    plex.approve(other.url, "friend")
    with pytest.raises(UpstreamError) as refused:
        await complete(ctx, {**other.state, "code": mine.state["code"]}, {})
    assert refused.value.field == "code"


async def test_what_the_browser_brings_back_counts_for_nothing(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    token = plex.world.token(plex.world.owner)
    answer = {"authToken": token, "token": token, "pin_id": "1", "code": started.state["code"]}
    assert await complete(ctx, started.state, answer) is None


@pytest.mark.parametrize("fault", ["html_401", "json_403", "invalid_token"])
@pytest.mark.parametrize("route", ["user", "resources"])
async def test_a_yes_that_plex_takes_back_is_refused_in_words(ctx, plex, route, fault):
    plex.faults.set(route, fault)
    with pytest.raises(Forbidden) as refused:
        await sign_in(ctx, plex, "friend")
    assert refused.value.error_code == "plex_token_refused"


async def test_all_replicas_are_one_installation_to_plex(make, plex):
    ctx = await make()
    await begin(ctx, RETURN_URL)
    ctx.state.clear()  # as another process, or this one started again
    await begin(ctx, RETURN_URL)

    assert len({one.headers["X-Plex-Client-Identifier"] for one in plex.asked_of("pins.create")}) == 1
    assert len(plex.asked_of("identity")) == 1  # and the server is asked who it is once


async def test_tokens_go_in_headers_and_nowhere_else(owned, plex):
    identity = await sign_in(owned, plex, "friend")

    tokens = [*plex.world.tokens, *plex.world.home.access_tokens.values()]
    for asked in plex.asked:
        assert not [one for one in tokens if one in f"{asked.path}{asked.query}"]
    assert [one for one in plex.asked_of("user") if one.headers.get("X-Plex-Token") == identity.secret]
    assert identity.secret not in repr(owned.log.lines)


async def test_the_server_gets_only_the_token_made_for_it(ctx, plex):
    identity = await sign_in(ctx, plex, "friend")
    sent = {one.headers.get("X-Plex-Token") for one in (*plex.asked_of("root"), *plex.asked_of("identity"))}
    assert identity.secret not in sent
    assert sent == {None, plex.world.home.access_tokens[plex.world.find("friend").id]}


def test_an_address_is_handed_on_as_plex_sent_it():
    sent = " bo\u202ess@example.org"
    assert Account.model_validate({"id": 1, "email": sent, "confirmed": True}).email == sent
