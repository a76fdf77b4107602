"""The OpenID Connect client against an issuer that lies, breaks or hangs: only a good proof says who somebody is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from medianest_hub.accounts.oidc import OidcProvider
from medianest_hub.infrastructure.http_client import HttpClients
from medianest_hub.plugin_api import Identity
from medianest_hub.plugin_api.errors import (
    BadInput,
    Forbidden,
    Gone,
    HubError,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from medianest_hub.plugin_api.sign_in import LinkedIdentity, Standing
from medianest_hub.settings import AuthSettings, OidcSettings
from tests.simulators.oidc import Issuer
from tests.simulators.oidc.issuer import CLIENT_ID, CLIENT_SECRET

from .forged_proofs import FORGED, Lie

RETURN = "http://hub.lan/sign-in/done?provider=oidc"
MakeProvider = Callable[..., OidcProvider]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer().running() as running:
        yield running


@pytest.fixture
async def make(issuer: Issuer) -> AsyncIterator[MakeProvider]:
    clients: list[HttpClients] = []

    def made(**settings: Any) -> OidcProvider:
        clients.append(HttpClients())
        oidc = OidcSettings(
            **{"issuer": issuer.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
        )
        return OidcProvider(AuthSettings(oidc=oidc), clients[-1].client("oidc"))

    yield made
    for one in clients:
        await one.close()


async def sign_in(provider: OidcProvider, issuer: Issuer, **answer: str) -> Identity:
    start = await provider.begin(None, RETURN)
    return await provider.complete(None, start.state, {**issuer.approve(start.url), **answer})


async def test_an_honest_issuer_says_who_it_is(make: MakeProvider, issuer: Issuer) -> None:
    issuer.claims = {"email": "mia@example.org", "email_verified": True}
    found = await sign_in(make(), issuer)
    assert (found.subject, found.username, found.display_name) == ("subject-1", "mia", "Mia")
    assert (found.email, found.email_verified, found.role, found.secret) == ("mia@example.org", True, None, None)


async def test_the_simulator_satisfies_a_client_nobody_here_wrote(issuer: Issuer) -> None:
    """Authlib's own client: discovery, PKCE, the code by redirect, the token, and its check of the ID token."""
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.jwk import KeySet

    def drive() -> None:
        with OAuth2Session(
            CLIENT_ID, CLIENT_SECRET, scope="openid", redirect_uri=RETURN, code_challenge_method="S256"
        ) as client:
            known = client.get(f"{issuer.url}/.well-known/openid-configuration", withhold_token=True).json()
            url, _ = client.create_authorization_url(known["authorization_endpoint"], code_verifier="v" * 60, nonce="n")
            back = client.get(url, allow_redirects=False, withhold_token=True).headers["Location"]
            token = client.fetch_token(known["token_endpoint"], authorization_response=back, code_verifier="v" * 60)
            keys = KeySet.import_key_set(client.get(known["jwks_uri"], withhold_token=True).json())
            found = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
            params = {"nonce": "n", "client_id": CLIENT_ID, "access_token": token["access_token"]}
            CodeIDToken(found.claims, found.header, {"iss": {"value": issuer.url}}, params).validate()

    await asyncio.to_thread(drive)


@pytest.mark.parametrize("how", FORGED)
async def test_a_bad_proof_says_nothing(make: MakeProvider, issuer: Issuer, how: str) -> None:
    FORGED[how](issuer)
    with pytest.raises(UpstreamError) as refused:
        await sign_in(make(), issuer)
    assert refused.value.error_code == "identity_not_proven"
    assert not refused.value.retryable
    for secret in ("eyJ", CLIENT_SECRET, "another", "somebody"):
        assert secret not in refused.value.message.replace("somebody else", "")


def raw(path: str, status: int = 200, kind: str = "text/html", body: bytes = b"<h1>Hello</h1>", wait: float = 0) -> Lie:
    return lambda issuer: issuer.raw.update({path: (status, kind, body, wait)})


WELL_KNOWN = "/.well-known/openid-configuration"
BROKEN: dict[str, Lie] = {
    "a web page for discovery": raw(WELL_KNOWN),
    "a web page for keys": raw("/jwks"),
    "a web page for tokens": raw("/token"),
    "a web page for userinfo": raw("/userinfo"),
    "an error page for tokens": raw("/token", 500),
    "a huge discovery document": raw(WELL_KNOWN, body=b"x" * 2_000_000),
    "huge keys": raw("/jwks", body=b"x" * 2_000_000),
    "huge tokens": raw("/token", body=b"x" * 2_000_000),
    "huge userinfo": raw("/userinfo", body=b"x" * 2_000_000),
    "discovery elsewhere": raw(WELL_KNOWN, 302, body=b"http://169.254.169.254/latest"),
    "tokens elsewhere": raw("/token", 307, body=b"http://169.254.169.254/latest"),
    "userinfo elsewhere": raw("/userinfo", 302, body=b"http://169.254.169.254/latest"),
    "a list for discovery": raw(WELL_KNOWN, kind="application/json", body=b"[]"),
    "a list for userinfo": raw("/userinfo", kind="application/json", body=b"[1]"),
    "keys of the wrong kind": raw("/jwks", kind="application/json", body=b'{"keys": [1, {"kty": "RSA"}]}'),
    "no keys": lambda issuer: issuer.published.clear(),
    "no token endpoint": lambda issuer: issuer.metadata.update(token_endpoint=None),
    "another issuer": lambda issuer: issuer.metadata.update(issuer="https://evil.example"),
    "an endpoint that is a script": lambda issuer: issuer.metadata.update(authorization_endpoint="javascript:alert(1)"),
    "an endpoint with a password": lambda issuer: issuer.metadata.update(token_endpoint="https://a:b@x.example/"),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_issuer_is_a_problem_with_words(make: MakeProvider, issuer: Issuer, how: str) -> None:
    BROKEN[how](issuer)
    with pytest.raises(HubError) as failed:
        await sign_in(make(), issuer)
    assert failed.value.status in (502, 503, 504)
    assert issuer.url.removeprefix("http://") in failed.value.message


async def test_a_slow_issuer_is_cut_off(make: MakeProvider, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medianest_hub.accounts.oidc.discovery.CALL_SECONDS", 0.3)
    raw(WELL_KNOWN, wait=2)(issuer)
    with pytest.raises(UpstreamTimeout):
        await make().begin(None, RETURN)


async def test_unknown_keys_make_us_ask_again_but_not_all_the_time(make: MakeProvider, issuer: Issuer) -> None:
    provider = make()
    await sign_in(provider, issuer)
    assert issuer.asked["/jwks"] == 1
    issuer.mint = lambda content: issuer.sign(content, RSAKey.generate_key(2048, {"kid": "unknown"}))
    for _ in range(5):
        with pytest.raises(UpstreamError):
            await sign_in(provider, issuer)
    assert issuer.asked["/jwks"] == 1, "those known are younger than half a minute"
    # The issuer rotates: after that the new key is found, at the first sign-in that needs it.
    provider.discovery._keys._at -= 31
    issuer.key = RSAKey.generate_key(2048, {"kid": "second"})
    issuer.published.append(issuer.key.as_dict(private=False))
    issuer.mint = issuer.sign
    await sign_in(provider, issuer)
    assert issuer.asked["/jwks"] == 2


async def test_discovery_is_asked_once_for_many_and_outlives_an_outage(make: MakeProvider, issuer: Issuer) -> None:
    provider = make()
    await asyncio.gather(*(provider.begin(None, RETURN) for _ in range(20)))
    assert issuer.asked[WELL_KNOWN] == 1
    provider.discovery._metadata._at -= 2 * 3600
    raw(WELL_KNOWN, 500)(issuer)
    assert (await provider.begin(None, RETURN)).url


async def test_answers_that_are_not_ours_spend_no_code(make: MakeProvider, issuer: Issuer) -> None:
    provider = make()
    start = await provider.begin(None, RETURN)
    good = issuer.approve(start.url)
    for wrong in ({"state": "x"}, {"state": ""}, {"iss": "https://evil.example"}, {"code": ""}, {"code": "c" * 5000}):
        with pytest.raises(BadInput):
            await provider.complete(None, start.state, {**good, **wrong})
    with pytest.raises(BadInput):
        await provider.complete(None, start.state, {})
    assert issuer.asked["/token"] == 0
    assert (await provider.complete(None, start.state, good)).subject == "subject-1"
    with pytest.raises(Gone):
        await provider.complete(None, start.state, good)


async def test_an_issuer_that_promises_to_name_itself_must(make: MakeProvider, issuer: Issuer) -> None:
    issuer.metadata = {"authorization_response_iss_parameter_supported": True}
    provider = make()
    start = await provider.begin(None, RETURN)
    answer = issuer.approve(start.url)
    del answer["iss"]
    with pytest.raises(BadInput):
        await provider.complete(None, start.state, answer)


@pytest.mark.parametrize(
    ("error", "kind"),
    [("access_denied", Forbidden), ("login_required", Forbidden), ("temporarily_unavailable", Unavailable)],
)
async def test_a_refusal_is_told_in_words(make: MakeProvider, issuer: Issuer, error: str, kind: type[HubError]) -> None:
    provider = make()
    start = await provider.begin(None, RETURN)
    answer = {"state": start.state["state"], "error": error, "error_description": "Not\r\ntoday" + "x" * 9000}
    with pytest.raises(kind) as refused:
        await provider.complete(None, start.state, answer)
    assert "Not  today" in refused.value.message
    assert len(refused.value.message) < 500


async def test_the_way_there_carries_state_nonce_and_a_challenge_and_no_secret(
    make: MakeProvider, issuer: Issuer
) -> None:
    issuer.metadata = {"authorization_endpoint": f"{issuer.url}/authorize?tenant=a"}
    provider = make(scopes=["openid", "groups"])
    first, second = [await provider.begin(None, RETURN) for _ in range(2)]
    asked = dict(parse_qsl(urlsplit(first.url).query))
    assert asked["tenant"] == "a"
    assert (asked["scope"], asked["redirect_uri"], asked["response_type"]) == ("openid groups", RETURN, "code")
    assert asked["code_challenge_method"] == "S256"
    assert first.state["verifier"] not in first.url
    assert CLIENT_SECRET not in first.url
    for name in ("state", "nonce", "verifier"):
        assert first.state[name] != second.state[name]
        assert len(first.state[name]) >= 43


async def test_the_client_proves_itself_as_discovery_says(make: MakeProvider, issuer: Issuer) -> None:
    issuer.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await sign_in(make(), issuer)).subject == "subject-1"
    with pytest.raises(UpstreamError, match="client_id and client_secret"):
        await sign_in(make(client_secret="wrong"), issuer)


async def test_elliptic_keys_are_as_good(make: MakeProvider, issuer: Issuer) -> None:
    key = ECKey.generate_key("P-256", {"kid": "curve"})
    issuer.published.append(key.as_dict(private=False))
    issuer.metadata = {"id_token_signing_alg_values_supported": ["ES256", "HS256", "none"]}
    issuer.mint = lambda content: issuer.sign(content, key, "ES256")
    assert (await sign_in(make(), issuer)).subject == "subject-1"


ROLES = {"admin_values": ["chiefs"], "member_values": ["family"], "guest_values": ["guests"]}


@pytest.mark.parametrize(
    ("told", "settings", "role"),
    [
        ({"groups": ["chiefs", "guests"]}, ROLES, "admin"),
        ({"groups": ["guests", "family"]}, ROLES, "member"),
        ({"groups": "guests"}, ROLES, "guest"),
        ({"groups": ["others", 7, None, ["chiefs"]]}, ROLES, "member"),
        ({"groups": {"chiefs": True}}, ROLES, "member"),
        ({"groups": ["chiefs"]}, {}, None),
        ({"realm_access": {"roles": ["chiefs"]}}, {**ROLES, "role_claim": "realm_access.roles"}, "admin"),
        ({"realm_access.roles": ["chiefs"]}, {**ROLES, "role_claim": "realm_access.roles"}, "admin"),
        ({"realm_access": "chiefs"}, {**ROLES, "role_claim": "realm_access.roles"}, "member"),
    ],
)
async def test_claims_become_roles(
    make: MakeProvider, issuer: Issuer, told: dict[str, Any], settings: dict[str, Any], role: str | None
) -> None:
    issuer.userinfo = told
    assert (await sign_in(make(**settings), issuer)).role == role


@pytest.mark.parametrize(
    ("proven", "told", "verified"),
    [
        ({}, {"email_verified": True}, True),
        ({}, {"email_verified": "true"}, False),
        ({}, {"email_verified": 1}, False),
        ({}, {}, False),
        ({"email": "mia@example.org", "email_verified": True}, {}, True),
        ({"email": "other@example.org", "email_verified": True}, {}, False),
        ({"email_verified": True}, {}, False),
        ({"email": "mia@example.org", "email_verified": True}, {"email_verified": False}, False),
    ],
)
async def test_an_address_is_verified_only_where_it_is_said_of_that_address_and_is_true(
    make: MakeProvider, issuer: Issuer, proven: dict[str, Any], told: dict[str, Any], verified: bool
) -> None:
    issuer.claims, issuer.userinfo = proven, told
    found = await sign_in(make(), issuer)
    assert (found.email, found.email_verified) == ("mia@example.org", verified)


@pytest.mark.parametrize(
    "sent", ["mi\u00ada@example.org", " mia@example.org", "mia\u200b@example.org", "m\u0131a@example.org"]
)
@pytest.mark.parametrize("said_twice", [False, True])
async def test_an_address_is_not_verified_by_being_cleaned(
    make: MakeProvider, issuer: Issuer, sent: str, said_twice: bool
) -> None:
    issuer.claims = {"email": "mia@example.org", "email_verified": True} if said_twice else {}
    issuer.userinfo = {"email": sent, "email_verified": True}
    assert not (await sign_in(make(), issuer)).email_verified


async def test_a_refresh_token_tells_whether_somebody_still_may(make: MakeProvider, issuer: Issuer) -> None:
    provider = make(scopes=["openid", "offline_access"])
    found = await sign_in(provider, issuer)
    kept = [found.secret]

    async def keep(token: str) -> None:
        kept.append(token)

    who = LinkedIdentity(provider="oidc", subject=found.subject, username="mia")
    assert await provider.recheck(keep, who, kept[-1]) is Standing.GOOD
    assert await provider.recheck(keep, who, kept[-1]) is Standing.GOOD
    assert len(set(kept)) == 3, "each is good once, and the next is kept"
    issuer.refresh_tokens.clear()
    assert await provider.recheck(keep, who, kept[-1]) is Standing.REVOKED
    with pytest.raises(Unavailable):
        await provider.recheck(keep, who, None)
    raw("/token", 500)(issuer)
    with pytest.raises(UpstreamError):
        await provider.recheck(keep, who, kept[-1])
