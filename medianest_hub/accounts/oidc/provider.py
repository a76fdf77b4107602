"""The steps of signing in by OpenID Connect (authorization code with PKCE); keeps no attempt and knows no session."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from medianest_hub.accounts.oidc.claims import identity
from medianest_hub.accounts.oidc.discovery import CALL_SECONDS, CAP, Discovery, Metadata
from medianest_hub.accounts.oidc.failures import refused, token_refused, untrusted, wrong_state
from medianest_hub.accounts.oidc.id_token import ALGORITHMS, fitting, key_id, verify
from medianest_hub.plugin_api.errors import BadInput, ConfigInvalid, Unavailable
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.services import Http, HttpResponse
from medianest_hub.plugin_api.sign_in import Identity, LinkedIdentity, SignInStart, Standing
from medianest_hub.settings import AuthSettings

KeepSecret: TypeAlias = Callable[[str], Awaitable[None]]

_TOKEN_SECONDS: Final = 8.0
_LONGEST_CODE: Final = 4096


class _Tokens(BaseModel):
    """RFC 6749 5.1 with OpenID Connect Core 3.1.3.3."""

    access_token: str
    token_type: str
    id_token: str
    refresh_token: str | None = None


class _Renewed(BaseModel):
    """What is used of RFC 6749 section 6: the token for the next time."""

    refresh_token: str | None = None


class _Refusal(BaseModel):
    """RFC 6749 5.2."""

    error: str = ""
    error_description: str = ""


class OidcProvider:
    """One issuer, one client of it. `begin` and `complete` are those of a `SignInProvider`; they need no context."""

    def __init__(self, settings: AuthSettings, http: Http) -> None:
        if settings.oidc.issuer is None:
            raise ConfigInvalid("auth.oidc.issuer is not set.")
        self._settings = settings.oidc
        self._otherwise = Role(settings.newcomer_role)
        self._http = http
        self.discovery = Discovery(settings.oidc.issuer, http)

    @property
    def _service(self) -> str:
        return self.discovery.service

    async def begin(self, ctx: object, return_url: str) -> SignInStart:
        """Where to sign in, with a fresh state, nonce and code verifier. Raises `UpstreamError` or `Unavailable`."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        metadata = await self.discovery.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        url = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._settings.client_id,
            "code",
            redirect_uri=return_url,
            scope=list(self._settings.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "redirect_uri": return_url}
        return SignInStart(url=url, state=kept)

    async def complete(self, ctx: object, state: Mapping[str, str], answer: Mapping[str, str]) -> Identity:
        """Who it is, by the code the browser brought back.

        Raises `BadInput` (another sign-in's answer), `Forbidden` (not let in), `Gone` (the code is used up), `Untrusted`
        and whatever calls raise.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), state["state"].encode()):
            raise wrong_state()
        metadata = await self.discovery.metadata()
        self._check_issuer(metadata, answer)
        if "error" in answer:
            raise refused(self._service, answer["error"], answer.get("error_description", ""))
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise BadInput("The provider sent no code back; begin again.", code="code_missing")
        await self.discovery.keys()  # before the code is spent, which can be done once only
        tokens = await self._exchange(metadata, code, state)
        proven = await self._verify(metadata, tokens, state["nonce"])
        more = await self._userinfo(metadata, tokens, proven["sub"])
        kept = tokens.refresh_token if "offline_access" in self._settings.scopes else None
        return identity(proven, more, self._settings, self._otherwise, kept)

    async def recheck(self, ctx: KeepSecret, linked: LinkedIdentity, secret: str | None) -> Standing:
        """Whether the provider still honours the refresh token; `ctx` keeps the next one, where it gives one.

        Raises `Unavailable` where there is none to ask by, `UpstreamError` where the answer says neither yes nor no.
        """
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        if secret is None:
            raise Unavailable("There is no refresh token to ask by.", code="no_refresh_token")
        metadata = await self.discovery.metadata()
        answer = await self._post(metadata, prepare_token_request("refresh_token", refresh_token=secret))
        if answer.status == 200:
            renewed = answer.parse(_Renewed).refresh_token
            if renewed is not None and renewed != secret:
                await ctx(renewed)
            return Standing.GOOD
        said = answer.parse(_Refusal)
        if said.error == "invalid_grant":
            return Standing.REVOKED
        raise token_refused(self._service, said.error, said.error_description)

    def _check_issuer(self, metadata: Metadata, answer: Mapping[str, str]) -> None:
        """RFC 9207: an answer that names another issuer, or none where one was promised, is a mix-up."""
        said = answer.get("iss")
        if said is None and metadata.authorization_response_iss_parameter_supported:
            raise wrong_state()
        if said is not None and said != metadata.issuer:
            raise wrong_state()

    async def _exchange(self, metadata: Metadata, code: str, state: Mapping[str, str]) -> _Tokens:
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        body = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=state["redirect_uri"],
            code_verifier=state["verifier"],
        )
        answer = await self._post(metadata, body)
        if answer.status != 200:
            said = answer.parse(_Refusal)
            raise token_refused(self._service, said.error, said.error_description)
        tokens = answer.parse(_Tokens)
        if tokens.token_type.lower() != "bearer":
            raise untrusted(self._service, "the access token is no bearer token")
        return tokens

    async def _post(self, metadata: Metadata, body: str) -> HttpResponse:
        """One call of the token endpoint; repeated by nobody, for a code is good once."""
        from authlib.oauth2.auth import ClientAuth

        secret = self._settings.client_secret
        method = _client_authentication(metadata, secret is not None)
        given = secret.get_secret_value() if secret is not None else ""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        client = ClientAuth(self._settings.client_id, given, method)
        uri, headers, body = client.prepare("POST", metadata.token_endpoint, headers, body)
        return await self._http.request(
            "POST",
            uri,
            service=self._service,
            headers=headers,
            data=body.encode(),
            deadline=_TOKEN_SECONDS,
            cap=CAP,
            ok=(200, 400, 401, 403),
        )

    async def _verify(self, metadata: Metadata, tokens: _Tokens, nonce: str) -> dict[str, Any]:
        kid = key_id(tokens.id_token)
        keys = await self.discovery.keys(lambda known: bool(fitting(known, kid)))
        return verify(
            tokens.id_token,
            keys,
            service=self._service,
            issuer=metadata.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            access_token=tokens.access_token,
            algorithms=_algorithms(metadata),
        )

    async def _userinfo(self, metadata: Metadata, tokens: _Tokens, subject: str) -> dict[str, Any]:
        """More claims. Core 5.3.2: an answer about another subject must not be used, and this sign-in with it."""
        if metadata.userinfo_endpoint is None:
            return {}
        answer = await self._http.request(
            "GET",
            metadata.userinfo_endpoint,
            service=self._service,
            headers={"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"},
            deadline=CALL_SECONDS,
            cap=CAP,
        )
        found = answer.json()
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise untrusted(self._service, "its userinfo speaks of somebody else")
        return found


def _client_authentication(metadata: Metadata, has_secret: bool) -> str:
    """How to prove that we are the client: as discovery says, `client_secret_basic` where we may choose."""
    if not has_secret:
        return "none"
    supported = metadata.token_endpoint_auth_methods_supported
    return "client_secret_post" if "client_secret_basic" not in supported else "client_secret_basic"


def _algorithms(metadata: Metadata) -> Sequence[str]:
    """Those of ours the provider announces; all of ours where it announces none of them."""
    announced = [name for name in ALGORITHMS if name in metadata.id_token_signing_alg_values_supported]
    return announced or ALGORITHMS
