"""Uptime Kuma by plain requests: its metrics, its status pages, what its front page is. Remembers nothing."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote

from medianest_hub.plugin_api import Http, HttpResponse, TlsTrust
from medianest_hub.plugin_api.errors import AuthFailed, FieldProblem, UpstreamError, UpstreamTimeout
from medianest_uptime_kuma.client.guarded import SERVICE, Guarded
from medianest_uptime_kuma.client.metrics import MetricsPage, read_metrics
from medianest_uptime_kuma.client.status_page import Beats, EntryPage, StatusPage

_DEADLINE: Final = 10.0
_SMALL: Final = 256 * 1024
# A thousand monitors with every series of 2.x are some 3 MB.
_METRICS_CAP: Final = 16 * 1024 * 1024
# A hundred beats for each of a thousand monitors are some 10 MB.
_BEATS_CAP: Final = 24 * 1024 * 1024


class NoSuchPage(Exception):
    """There is no status page of that name. Only 2.x says so; 1.23 does not answer at all."""


class KumaWeb:
    """Every call raises `UpstreamError`, `UpstreamTimeout`, `Guarded` or `Unavailable` when the answer is not as it should be."""

    def __init__(self, http: Http, url: str, tls: TlsTrust) -> None:
        self._http = http
        self._url = url
        self._tls = tls

    async def metrics(self, api_key: str) -> MetricsPage:
        """Every monitor as of now. Raises `AuthFailed` when the key is refused."""
        # Any user will do; 1.x wants some text before the colon in old versions.
        credentials = base64.b64encode(f"hub:{api_key}".encode()).decode()
        answer = await self._get(
            "/metrics",
            headers={"Authorization": f"Basic {credentials}", "Accept": "text/plain"},
            cap=_METRICS_CAP,
            ok=(200, 401),
        )
        if answer.status != 200:
            await (
                self.entry_page()
            )  # to which all are let in: who is refused there as well is not refused by Uptime Kuma
            words = "Uptime Kuma refuses the API key: it is wrong, switched off or expired. Enter another one."
            raise AuthFailed(words, fields=[FieldProblem(field="api_key", code="refused", message=words)])
        if not answer.headers.get("Content-Type", "").startswith("text/plain"):
            # Unknown paths answer 200 with the page people see.
            raise UpstreamError(
                "Uptime Kuma answered a page where its metrics should be. Enter the address of Uptime Kuma itself.",
                service=SERVICE,
            )
        return read_metrics(answer.body)

    async def page(self, slug: str) -> StatusPage:
        """A status page: names, groups, incidents, maintenance. Raises `NoSuchPage`."""
        try:
            answer = await self._get(
                f"/api/status-page/{quote(slug, safe='')}", cap=_BEATS_CAP, ok=(200, 404), retries=0
            )
        except UpstreamTimeout:
            raise UpstreamTimeout(
                f"Uptime Kuma did not answer for the status page {slug!r} within {_DEADLINE:g} seconds. Version 1.23 never "
                "answers for a page it does not have, so look whether the name is right.",
                service=SERVICE,
            ) from None
        if answer.status == 404:
            answer.json()  # Uptime Kuma says it in JSON; a proxy whose Uptime Kuma is just starting says it, too, but otherwise
            raise NoSuchPage
        return answer.parse(StatusPage)

    async def beats(self, slug: str) -> Beats:
        """The last beats of the page's monitors; nothing for a page that is not there."""
        return (await self._get(f"/api/status-page/heartbeat/{quote(slug, safe='')}", cap=_BEATS_CAP)).parse(Beats)

    async def entry_page(self) -> EntryPage:
        """What Uptime Kuma shows first; everybody may ask, so it tells whether Uptime Kuma is there."""
        return (await self._get("/api/entry-page", cap=_SMALL)).parse(EntryPage)

    async def _get(
        self,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        cap: int,
        ok: tuple[int, ...] = (200,),
        retries: int = 1,
    ) -> HttpResponse:
        try:
            return await self._http.request(
                "GET",
                f"{self._url}{path}",
                service=SERVICE,
                headers=headers,
                deadline=_DEADLINE,
                cap=cap,
                retries=retries,
                ok=ok,
                tls=self._tls,
            )
        except AuthFailed:
            raise Guarded from None
