"""The issuer: discovery, keys, codes good once, tokens and userinfo over HTTP; every part of it can be replaced by a test."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "medianest"
CLIENT_SECRET = "the-secret-of-the-client"


class Issuer(ThreadingHTTPServer):
    """On 127.0.0.1. Change its attributes to make it lie.

    `metadata`, `claims` and `userinfo` are laid over the honest ones (None takes a field away); `mint` makes the ID token
    of its claims; `raw` maps a path to (status, content type, body, seconds to wait before) to answer instead.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.raw: dict[str, tuple[int, str, bytes, float]] = {}
        self.mint: Callable[[dict[str, Any]], str] = self.sign
        self.asked: Counter[str] = Counter()
        self.refresh_tokens: set[str] = set()
        self._codes: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""

    @contextlib.contextmanager
    def running(self) -> Iterator[Issuer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()

    def sign(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", **header: Any) -> str:
        """A token like an honest issuer's, unless told otherwise."""
        found = key or self.key
        return jwt.encode({"alg": algorithm, "kid": found.kid, **header}, claims, found, algorithms=[algorithm])

    def approve(self, url: str) -> dict[str, str]:
        """Somebody says yes at the authorization endpoint: what the browser brings back."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def described(self) -> dict[str, Any]:
        """The discovery document."""
        honest = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        return _over(honest, self.metadata)

    def redeem(self, form: dict[str, str], client: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        if client != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        with self._lock:
            asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != challenge.decode().rstrip("=")
        ):
            return 400, {"error": "invalid_grant", "error_description": "no such code"}
        access_token, now = secrets.token_urlsafe(16), int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        honest = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        }
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.mint(_over(honest, self.claims)),
            **self._new_refresh_token(),
        }
        return 200, _over(answer, self.tokens)

    def _refresh(self, token: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            if token not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
            self.refresh_tokens.discard(token)
        return 200, {"access_token": "a", "token_type": "Bearer", **self._new_refresh_token()}

    def _new_refresh_token(self) -> dict[str, str]:
        token = secrets.token_urlsafe(16)
        self.refresh_tokens.add(token)
        return {"refresh_token": token}

    def told(self) -> dict[str, Any]:
        """The userinfo answer."""
        honest = {"sub": "subject-1", "preferred_username": "mia", "email": "mia@example.org", "name": "Mia"}
        return _over(honest, self.userinfo)


def _over(honest: dict[str, Any], lies: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**honest, **lies}.items() if value is not None}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Issuer

    def log_message(self, *_: object) -> None:
        """Nothing to print."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked[path] += 1
        if self._answer_raw(path):
            return
        if path == "/.well-known/openid-configuration":
            self._json(200, self.server.described())
        elif path == "/jwks":
            self._json(200, {"keys": self.server.published})
        elif path == "/userinfo":
            self._json(200, self.server.told())
        elif path == "/authorize":
            back = dict(parse_qsl(urlsplit(self.path).query))["redirect_uri"]
            joined = "&" if "?" in back else "?"
            self._send(302, "text/plain", b"", location=back + joined + urlencode(self.server.approve(self.path)))
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked[path] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self._answer_raw(path):
            return
        form = dict(parse_qsl(body))
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        posted = f"{form.get('client_id')}:{form.get('client_secret')}"
        client = base64.b64decode(basic).decode() if basic else posted
        self._json(*self.server.redeem(form, client))

    def _answer_raw(self, path: str) -> bool:
        raw = self.server.raw.get(path)
        if raw is None:
            return False
        status, kind, body, wait = raw
        time.sleep(wait)
        with contextlib.suppress(OSError):
            if 300 <= status < 400:
                self._send(status, kind, b"", location=body.decode())
            else:
                self._send(status, kind, body)
        return True

    def _json(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: int, kind: str, body: bytes, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)
