"""The worker's own small HTTP server: alive, ready, metrics. Optional: the worker goes on where it cannot listen."""

from __future__ import annotations

import hmac

import structlog
from aiohttp import web
from redis.exceptions import RedisError

from medianest_hub.infrastructure import metrics as core_metrics
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.home_network import is_home, was_passed_on
from medianest_hub.infrastructure.redis import RedisAway, RedisLink
from medianest_hub.jobs import metrics
from medianest_hub.jobs.worker import Worker

log = structlog.get_logger(__name__)


class StatusServer:
    """Answers `/health/live`, `/health/ready` and `/metrics` (by a bearer token; where none is set, to the home network)."""

    def __init__(self, worker: Worker, db: Database, redis: RedisLink, token: str | None) -> None:
        self._worker = worker
        self._db = db
        self._redis = redis
        self._token = token
        app = web.Application()
        app.add_routes(
            [
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def start(self, host: str, port: int) -> None:
        """Listen; where that is not possible the worker goes on without, and the log says so."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            log.warning(
                "worker_status_not_served",
                reason=f"{host}:{port} cannot be used: {error.strerror}; set worker.port to a free one",
            )
        else:
            log.info("worker_status_served", url=f"http://{host}:{port}")

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, _request: web.Request) -> web.Response:
        checks = {"database": "ok", "redis": "ok" if await self._redis_answers() else "away"}
        try:
            await self._db.fetchval("SELECT 1")
        except Exception:
            checks["database"] = "away"
        checks["worker"] = "ok" if self._worker.taking else "not taking jobs"
        ready = checks["database"] == "ok" and self._worker.taking
        # Without Redis jobs start a little later; that is no reason to take the worker away.
        state = "ok" if self._worker.healthy and checks["redis"] == "ok" else "degraded"
        return web.json_response(
            {"status": state if ready else "down", "checks": checks, "running": self._worker.runner.count},
            status=200 if ready else 503,
        )

    async def _redis_answers(self) -> bool:
        try:
            await self._redis.call("PING")
        except (RedisAway, RedisError):
            return False
        return True

    async def _metrics(self, request: web.Request) -> web.Response:
        if self._token is not None:
            given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                return _refused("Send the token of `metrics.token` as bearer token.")
        elif was_passed_on(request.headers) or not is_home(request.remote or ""):
            return _refused("Figures are for the home network; set `metrics.token` and send that as bearer token.")
        core_metrics.redis_away.set(not await self._redis_answers())
        try:
            await metrics.measure(self._db)
        except Exception:
            log.debug("queue_not_measured")
        return web.Response(body=core_metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"})


def _refused(why: str) -> web.Response:
    return web.Response(status=401, text=f"{why}\n", headers={"WWW-Authenticate": "Bearer"})
