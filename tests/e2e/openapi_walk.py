"""Drives every operation of the hub's own OpenAPI document with generated requests, good and bad, as one person.

Whatever is asked, the answer must be a documented one: status, type, shape; never a 5xx.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import PASSWORD, HubProcess
from tests.e2e.openapi_things import HOOKS, Things

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 5
"""Requests for each operation, kind of data and set of path values."""


@dataclass
class Walk:
    """`username` is an existing person, an admin where `admin`."""

    hub: HubProcess
    username: str
    admin: bool = False
    statuses: Counter[int] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    operations: int = 0
    _token: str = ""
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def cases(self) -> int:
        return self.statuses.total()

    def run(self) -> None:
        """Every operation of the document; `failures` says what was wrong."""
        self._things = Things(self)
        self._things.wait_for_the_services()
        document = self._session.get(f"{self.hub.url}/api/openapi.json", timeout=30).json()
        schema = schemathesis.openapi.from_dict(document)
        for result in schema.get_all_operations():
            operation = result.ok()
            self.operations += 1
            for strategy in self._strategies(operation):
                self._try(operation, strategy)
            if self.admin and operation.path.startswith("/api/v1/plugins/{name}"):
                self.hub.command("plugins", "enable", "youtube")  # its own operations are still to come
        self._session.close()

    def _strategies(self, operation: Any) -> Iterator[Any]:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            yield operation.as_strategy(generation_mode=mode)
        for real in self._things.of(operation.method.upper(), operation.path):
            yield operation.as_strategy(**real)

    def _try(self, operation: Any, strategy: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(case=strategy)
        def each(case: Any) -> None:
            self._one(operation, case)

        try:
            each()
        except Exception as error:
            # Not every operation has bad data: nothing to generate is no failure.
            if type(error).__name__ not in ("Unsatisfiable", "SkipTest", "Skipped", "InvalidArgument"):
                raise

    def _one(self, operation: Any, case: Any) -> None:
        for _ in range(2):
            response = case.call(
                base_url=self.hub.url,
                session=self._session,
                headers={"Authorization": f"Bearer {self._credential(operation.path)}"},
                timeout=60,
                allow_redirects=False,
            )
            self._session.cookies.clear()
            if response.status_code != 401 or operation.path.startswith(HOOKS):
                break
            self._token = ""  # something ended the session: once more with a new one
        self.statuses[response.status_code] += 1
        self.answers[f"{operation.method.upper()} {operation.path}", response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except BaseException as error:
            body = response.content[:500]
            self.failures.append(
                f"{operation.method.upper()} {operation.path}: {response.status_code} {body!r}\n{error}"
            )

    def _credential(self, path: str) -> str:
        return self._things.webhook_secret() if path.startswith(HOOKS) else self.token()

    def token(self) -> str:
        """A good access token, signing in when the last one's session ended."""
        if not self._token:
            self._forget_failures()
            connection = http.client.HTTPConnection(self.hub.url.removeprefix("http://"), timeout=30)
            body = json.dumps({"username": self.username, "password": PASSWORD})
            connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status == 200, content
            self._token = json.loads(content)["access_token"]
        return self._token

    def _forget_failures(self) -> None:
        """Bad data tries wrong passwords of the person who walks: their next sign-in shall not have to wait for it."""
        with redis.Redis.from_url(DataDir(self.hub.folder / "data").addresses()["MEDIANEST_REDIS__URL"]) as client:
            for key in client.scan_iter("mn:signin:*"):
                client.delete(key)
