"""Who comes in by an outside provider, and as whom: known, joined by e-mail, invited, newcomers; races and refusals."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from medianest_hub.accounts.identities import Identities
from medianest_hub.accounts.invites import Invites
from medianest_hub.accounts.joining import Admitted, Joining
from medianest_hub.accounts.newcomer_names import fit_username
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import Conflict, Forbidden, HubError, TooMany
from medianest_hub.plugin_api.notifications import Params
from medianest_hub.plugin_api.sign_in import SIGN_IN_SECRET, Identity
from medianest_hub.settings import AuthSettings

from .conftest import PASSWORD, Replica

MIA = Identity(subject="4711", username="mia", display_name="Mia", email="mia@example.org", email_verified=True)


@dataclass
class House:
    """The way in, with a root that has set it up."""

    hub: Replica
    identities: Identities
    invites: Invites
    root: Person
    told: list[tuple[str, Params, str]] = field(default_factory=list)

    def joining(self, **settings: Any) -> Joining:
        return Joining(self.hub.db, self.hub.people, self.identities, self.invites, self.tell, AuthSettings(**settings))

    async def tell(self, kind: str, params: Params, *, key: str, **more: Any) -> None:
        self.told.append((kind, params, key))

    async def admit(self, identity: Identity = MIA, provider: str = "plex", **more: Any) -> Admitted:
        settings = {name: more.pop(name) for name in ("newcomers", "newcomer_role") if name in more}
        return await self.joining(**settings).admit(provider, identity, **more)

    async def somebody(self, name: str, email: str | None = None, verified: bool = True, **more: Any) -> UUID:
        role = more.pop("role", Role.MEMBER)
        made = await self.hub.people.create(name, None, role, email=email, email_verified=verified, **more)
        return made.id

    async def count(self, table: str) -> int:
        return int(await self.hub.db.fetchval(f"SELECT count(*) FROM medianest.{table}"))


@pytest.fixture
async def house(here: Replica) -> House:
    root = await here.people.create("root", PASSWORD, Role.ADMIN)
    return House(here, Identities(here.db), Invites(here.db, here.people), root)


async def refused(work: Any, code: str, kind: type[HubError] = Forbidden) -> None:
    with pytest.raises(kind) as error:
        await work
    assert error.value.error_code == code


async def test_a_known_identity_is_its_person_again(house: House) -> None:
    first = await house.admit(newcomers="auto")
    assert first.created
    assert first.person is not None
    renamed = MIA.model_copy(update={"username": "mia-new", "email": "new@example.org"})
    again = await house.admit(renamed)  # newcomers are not wanted any more: mia is none
    assert again.person == first.person
    assert not again.created
    assert not again.joined
    [kept] = await house.identities.of_person(first.person.id)
    assert (kept.username, kept.email) == ("mia-new", "new@example.org")


async def test_a_verified_address_joins_the_account_an_admin_wrote_it_for(house: House) -> None:
    mia = await house.somebody("Mia K", "MIA@example.org")
    admitted = await house.admit()
    assert admitted.joined
    assert admitted.person is not None
    assert admitted.person.id == mia
    assert (await house.admit()).person == admitted.person


async def test_an_address_the_provider_did_not_verify_joins_nobody(house: House) -> None:
    await house.somebody("mia", "mia@example.org")
    unverified = MIA.model_copy(update={"email_verified": False})
    await refused(house.admit(unverified), "invite_needed")
    admitted = await house.admit(unverified, newcomers="auto")
    assert admitted.created
    assert admitted.person is not None
    assert admitted.person.username == "mia-2"


async def test_an_address_kept_unverified_joins_nobody(house: House) -> None:
    await house.somebody("mia", "mia@example.org", verified=False)
    await refused(house.admit(), "invite_needed")


@pytest.mark.parametrize(
    "sent",
    [
        "mi\u00ada@kitchen.org",
        "mia\u200b@kitchen.org",
        "mi\na@kitchen.org",
        " mia@kitchen.org ",
        "mia\0@kitchen.org",
        "m\u0130a@kitchen.org",
        "mia@\u212aitchen.org",
        "\uff4dia@kitchen.org",
        "mia@kitchen.org\u2028",
        "a@mia@kitchen.org",
    ],
)
async def test_an_address_that_only_looks_or_folds_like_ours_joins_nobody(house: House, sent: str) -> None:
    await house.somebody("mia", "mia@kitchen.org", role=Role.ADMIN)
    admitted = await house.admit(MIA.model_copy(update={"email": sent}), newcomers="auto")
    assert admitted.created
    assert not admitted.joined
    assert admitted.person is not None
    account = await house.hub.people.account(admitted.person.id)
    assert account is not None
    assert not account.email_verified


@pytest.mark.parametrize("ours", ["m\u0130a@example.org", "mia@example.org ", "mia\u200b@example.org"])
async def test_an_address_written_here_in_another_way_is_nobodys(house: House, ours: str) -> None:
    await house.somebody("mia", ours)
    assert not (await house.admit(newcomers="auto")).joined


async def test_an_address_two_people_have_joins_neither(house: House) -> None:
    await house.somebody("one", "mia@example.org")
    await house.somebody("two", "Mia@Example.org")
    await refused(house.admit(newcomers="auto"), "email_ambiguous", Conflict)
    assert await house.count("identities") == 0


async def test_a_second_account_of_one_provider_does_not_take_the_firsts_place(house: House) -> None:
    await house.somebody("mia", "mia@example.org")
    await house.admit()
    await refused(house.admit(MIA.model_copy(update={"subject": "other"})), "provider_linked", Conflict)


async def test_somebody_disabled_is_refused_by_identity_and_by_address(house: House) -> None:
    mia = await house.somebody("mia", "mia@example.org")
    await house.hub.people.change(mia, status="disabled")
    await refused(house.admit(newcomers="auto"), "account_inactive")
    await house.hub.people.change(mia, status="active")
    await house.admit()
    await house.hub.people.change(mia, status="disabled")
    await refused(house.admit(newcomers="auto"), "account_inactive")
    assert await house.count("users") == 2


async def test_newcomers_need_an_invitation_unless_they_may_come(house: House) -> None:
    await refused(house.admit(), "invite_needed")
    assert await house.count("users") == 1


async def test_an_invitation_lets_a_newcomer_in_once(house: House) -> None:
    _, token = await house.invites.make(Role.GUEST, house.root.id)
    admitted = await house.admit(invite=token)
    assert admitted.person is not None
    assert admitted.person.role is Role.GUEST
    await refused(house.admit(MIA.model_copy(update={"subject": "x", "email": None}), invite=token), "invite_invalid")
    assert (await house.admit(invite=token)).person is not None  # known by now: nothing is taken


async def test_newcomers_who_may_come_get_the_set_role_and_never_run_the_hub(house: House) -> None:
    admitted = await house.admit(newcomers="auto", newcomer_role="guest")
    assert admitted.person is not None
    assert admitted.person.role is Role.GUEST
    with pytest.raises(ValueError):
        AuthSettings(newcomer_role="admin")  # type: ignore[arg-type]


async def test_a_newcomer_to_be_approved_waits_and_admins_hear_of_it(house: House) -> None:
    first = await house.admit(newcomers="approve")
    again = await house.admit(newcomers="approve")
    for admitted in (first, again):
        assert admitted.person is None
        assert admitted.awaiting_approval
    mia = await house.hub.people.by_username("mia")
    assert mia is not None
    assert house.told == [("approval_wanted", {"username": "mia", "provider": "plex"}, str(mia.id))]
    assert not mia.permissions
    await house.hub.people.change(mia.id, status="active")
    approved = await house.admit(newcomers="approve")
    assert approved.person is not None
    assert approved.person.id == mia.id
    assert approved.person.permissions


async def test_another_way_in_with_the_same_address_does_not_skip_the_approval(house: House) -> None:
    await house.admit(newcomers="approve")
    other = await house.admit(provider="oidc", newcomers="approve")
    assert other.person is None
    assert other.awaiting_approval


async def test_whoever_is_refused_while_their_invitation_is_taken_stays_out(house: House) -> None:
    await house.admit(newcomers="approve")
    mia = await house.hub.people.by_username("mia")
    assert mia is not None
    _, token = await house.invites.make(Role.ADMIN, house.root.id)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def until_waiting(many: int, refusal: asyncio.Future[Any] | None = None) -> None:
        async with asyncio.timeout(5):
            while await house.hub.db.fetchval(waiting) < many and not (refusal is not None and refusal.done()):
                await asyncio.sleep(0.005)

    async with house.hub.db.transaction() as tx:
        await tx.execute("SELECT FROM medianest.invites FOR UPDATE")
        coming = asyncio.ensure_future(house.admit(newcomers="approve", invite=token))
        await until_waiting(1)
        refusal = asyncio.ensure_future(house.hub.people.change(mia.id, status="disabled"))
        await until_waiting(2, refusal)
    await asyncio.gather(coming, refusal, return_exceptions=True)
    account = await house.hub.people.account(mia.id)
    assert account is not None
    assert account.status == "disabled"


async def test_an_invitation_is_an_approval(house: House) -> None:
    await house.admit(newcomers="approve")
    _, token = await house.invites.make(Role.MEMBER, house.root.id)
    admitted = await house.admit(newcomers="approve", invite=token)
    assert admitted.person is not None
    assert admitted.person.role is Role.MEMBER


async def test_somebody_an_admin_made_for_an_address_becomes_active_by_proving_it(house: House) -> None:
    mia = await house.somebody("mia", "mia@example.org", status="invited")
    admitted = await house.admit()
    assert admitted.person is not None
    assert admitted.person.id == mia
    assert admitted.person.permissions


async def test_strangers_cannot_fill_the_house_with_people_who_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.accounts.joining.MOST_AWAITING", 2)
    for number in range(2):
        await house.admit(Identity(subject=str(number), username="x"), newcomers="approve")
    await refused(house.admit(Identity(subject="9", username="x"), newcomers="approve"), "too_many_waiting", TooMany)


async def test_nobody_is_the_first_by_a_provider(here: Replica) -> None:
    async def tell(*_: Any, **__: Any) -> None: ...

    invites = Invites(here.db, here.people)
    joining = Joining(here.db, here.people, Identities(here.db), invites, tell, AuthSettings(newcomers="auto"))
    await refused(joining.admit("plex", MIA.model_copy(update={"role": "admin"})), "set_up_first")
    assert not await here.people.anyone()


async def test_a_mapped_role_is_set_at_each_sign_in(house: House) -> None:
    boss = MIA.model_copy(update={"role": "admin"})
    admitted = await house.admit(boss, newcomers="auto")
    assert admitted.person is not None
    assert admitted.person.is_admin
    less = await house.admit(MIA.model_copy(update={"role": "guest"}))
    assert less.person is not None
    assert less.person.role is Role.GUEST
    same = await house.admit(MIA)
    assert same.person is not None
    assert same.person.role is Role.GUEST
    odd = await house.admit(MIA.model_copy(update={"role": "emperor"}))
    assert odd.person is not None
    assert odd.person.role is Role.GUEST


async def test_a_mapped_role_never_takes_the_last_admin_away(house: House) -> None:
    await house.identities.link(house.root.id, "plex", MIA)
    admitted = await house.admit(MIA.model_copy(update={"role": "guest"}))
    assert admitted.person is not None
    assert admitted.person.is_admin


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("mia", "mia"),
        ("  mia   king\t", "mia king"),
        ("evil\u202ename", "evilname"),
        ("\u200b", "plex-user"),
        ("", "plex-user"),
        ("x" * 300, "x" * 54),
    ],
)
def test_a_name_the_rules_refuse_becomes_a_safe_one(wanted: str, name: str) -> None:
    assert fit_username(wanted, "plex") == name


async def test_a_taken_name_becomes_a_free_variant(house: House) -> None:
    await house.somebody("MIA")
    for number, name in (("1", "mia-2"), ("2", "mia-3")):
        admitted = await house.admit(Identity(subject=number, username="mia"), newcomers="auto")
        assert admitted.person is not None
        assert admitted.person.username == name


async def test_completions_at_one_moment_make_one_person(house: House) -> None:
    results = await asyncio.gather(*(house.admit(newcomers="auto") for _ in range(8)))
    assert len({result.person.id for result in results if result.person}) == 1
    assert sum(result.created for result in results) == 1
    assert await house.count("users") == 2


async def test_two_providers_at_one_moment_with_one_address_make_one_person(house: House) -> None:
    results = await asyncio.gather(
        *(house.admit(provider=name, newcomers="auto") for name in ("plex", "oidc", "authelia"))
    )
    assert len({result.person.id for result in results if result.person}) == 1
    assert await house.count("identities") == 3


async def test_the_providers_token_is_sealed_for_its_plugin(house: House) -> None:
    with_token = MIA.model_copy(update={"secret": "plex-token-1"})
    admitted = await house.admit(with_token, newcomers="auto", plugin=("plex", "main"))
    assert admitted.person is not None
    kept = await house.hub.people.secret("plex", "main", admitted.person.id, SIGN_IN_SECRET)
    assert kept == "plex-token-1"
    dump = await house.hub.db.fetchval("SELECT string_agg(s::text, '') FROM medianest.person_secrets s")
    assert "plex-token-1" not in dump


async def test_texts_of_a_provider_are_bounded(house: House) -> None:
    long = Identity(
        subject="1",
        username="a\0b" * 200,
        display_name="d\0" * 1000,
        email="no address",
        email_verified=True,
        avatar="javascript:alert(1)",
    )
    admitted = await house.admit(long, newcomers="auto")
    assert admitted.person is not None
    account = await house.hub.people.account(admitted.person.id)
    assert account is not None
    assert (account.email, account.email_verified, account.avatar) == (None, False, None)
    assert len(account.display_name) <= 200


async def test_the_only_way_in_is_not_unlinked(house: House) -> None:
    admitted = await house.admit(newcomers="auto")
    assert admitted.person is not None
    person = admitted.person.id
    [plex] = await house.identities.of_person(person)
    await refused(house.identities.unlink(person, plex.id), "last_way_in", Conflict)
    oidc = await house.identities.link(person, "oidc", MIA)
    results = await asyncio.gather(
        *(house.identities.unlink(person, one.id) for one in (plex, oidc)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "KnownIdentity"]


async def test_one_outside_account_is_one_persons(house: House) -> None:
    other = await house.somebody("tom")
    await house.identities.link(house.root.id, "plex", MIA)
    await house.identities.link(house.root.id, "plex", MIA)
    await refused(house.identities.link(other, "plex", MIA), "identity_taken", Conflict)


async def test_a_picture_and_an_empty_name_follow_the_account_at_linking_and_at_every_sign_in(house: House) -> None:
    people = house.hub.people
    tom, lea = await house.somebody("tom"), await house.somebody("lea", MIA.email, display_name="Lea at home")

    async def shown(person_id: UUID) -> tuple[str | None, str]:
        account = await people.account(person_id)
        assert account is not None
        return account.avatar, account.display_name

    pictured = MIA.model_copy(update={"avatar": "https://plex.tv/1.png", "display_name": "Mia"})
    own = pictured.model_copy(update={"subject": "tom", "email": None})
    await house.joining().link(tom, "plex", own)
    assert await shown(tom) == ("https://plex.tv/1.png", "Mia")
    known = await people.get(tom)
    assert known is not None
    assert known.display_name == "Mia"  # not what was read before
    assert (await house.admit(pictured)).joined
    assert await shown(lea) == ("https://plex.tv/1.png", "Lea at home")
    again = await house.admit(own.model_copy(update={"avatar": "https://plex.tv/2.png", "display_name": "Another"}))
    assert again.person is not None
    assert again.person.display_name == "Mia"
    assert await shown(tom) == ("https://plex.tv/2.png", "Mia")
    for avatar in (None, "http://plex.tv/3.png", "https://plex.tv/" + "x" * 1000):
        await house.admit(own.model_copy(update={"avatar": avatar}))
        assert (await shown(tom))[0] == "https://plex.tv/2.png"
    await people.change(tom, status="disabled")
    with pytest.raises(Forbidden):
        await house.admit(own.model_copy(update={"avatar": "https://plex.tv/4.png"}))
    assert (await shown(tom))[0] == "https://plex.tv/2.png"
