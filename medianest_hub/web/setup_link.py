"""Tells the operator, once and clearly, how to make the first admin; makes nobody itself."""

from __future__ import annotations

import sys

import structlog

from medianest_hub.accounts.first_run import VALID_HOURS
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.settings import HubSettings

log = structlog.get_logger(__name__)


async def announce_first_run(parts: HubParts) -> str | None:
    """Print a set-up link if nobody exists yet, and return it. Every replica prints one of its own; any of them works."""
    if not await parts.first_run.needed():
        return None
    link = setup_link(parts.settings, await parts.first_run.make_token())
    wanted = parts.settings.log
    for_people = wanted.format == "console" or (wanted.format == "auto" and sys.stderr.isatty())
    if for_people or wanted.level == "error":  # whatever is logged, this must be read
        sys.stderr.write(_banner(link))
        sys.stderr.flush()
    else:
        log.warning("first_run", link=link, valid_hours=VALID_HOURS, what="open the link to make the first admin")
    return link


def setup_link(settings: HubSettings, token: str) -> str:
    """Where people reach this hub, as far as its settings say. The token is in the fragment, which no server logs."""
    base = settings.server.public_url
    if base is None:
        host = settings.server.host
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # nosec B104 # noqa: S104
        base = f"http://{host}:{settings.server.port}"
    return f"{base}/setup#token={token}"


def _banner(link: str) -> str:
    return (
        "\n  Nobody can sign in yet. Make the first admin here, within "
        f"{VALID_HOURS} hours:\n\n      {link}\n\n"
        "  or without a browser: medianest users create NAME --role admin --password-stdin\n\n"
    )
