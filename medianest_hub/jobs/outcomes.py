"""Decides what an attempt came to by what its handler returned or raised: done, again later, or failed, with safe words."""

from __future__ import annotations

import random

from pydantic import ValidationError

from medianest_hub.infrastructure.known_secrets import hide
from medianest_hub.jobs.documents import clean_text
from medianest_hub.jobs.rows import Settled
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.tasks import JobState

LONGEST_RETRY_AFTER = 24 * 3600.0
"""Seconds; a service that asks for more is asked again after this."""


class Backoff:
    """Growing, jittered pauses between attempts: about `base` seconds, doubled each time, up to `longest`."""

    def __init__(self, base: float = 2.0, longest: float = 300.0) -> None:
        self.base = base
        self.longest = longest

    def after(self, attempts: int) -> float:
        """Seconds to wait after that many attempts: between half and all of the full pause."""
        full = min(self.longest, self.base * 2.0 ** min(max(attempts - 1, 0), 30))
        return full * (0.5 + 0.5 * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret


def of_error(error: BaseException, *, last: bool, attempts: int, backoff: Backoff) -> Settled:
    """What to write for an attempt that raised. `attempts` counts this one, `last`: no retry is left."""
    code, message, retryable, wait = _read(error)
    if last or not retryable:
        return Settled(JobState.FAILED, error_code=code, error_message=message)
    delay = backoff.after(attempts) if wait is None else min(max(wait, 0.0), LONGEST_RETRY_AFTER)
    return Settled(JobState.QUEUED, delay=delay, error_code=code, error_message=message)


def of_timeout(seconds: float, *, last: bool, attempts: int, backoff: Backoff) -> Settled:
    """What to write for an attempt that took too long."""
    state = JobState.FAILED if last else JobState.QUEUED
    return Settled(
        state,
        delay=0.0 if last else backoff.after(attempts),
        error_code="timeout",
        error_message=f"It took longer than the {seconds:g} seconds it may take.",
    )


def of_bad_arguments(error: ValidationError) -> Settled:
    """What to write when the row's arguments do not fit the handler: no retry will change that."""
    fields = ", ".join(sorted({".".join(map(str, item["loc"])) or "(whole)" for item in error.errors()}))
    return Settled(
        JobState.FAILED,
        error_code="bad_arguments",
        error_message=clean_text(f"This job was queued with arguments its task does not take: {fields}."),
    )


CANCELLED = Settled(JobState.CANCELLED, error_code="cancelled", error_message="It was cancelled.")
"""Somebody asked for it."""


def handed_back(delay: float = 0.0) -> Settled:
    """Back to the queue without using up a retry."""
    return Settled(JobState.QUEUED, delay=delay, counted=False)


def _read(error: BaseException) -> tuple[str, str, bool, float | None]:
    if isinstance(error, HubError):
        # These words are written for people; those of other exceptions may hold anything, and stay in the log.
        return clean_text(error.error_code, 100), clean_text(hide(error.message)), error.retryable, error.retry_after
    if isinstance(error, TimeoutError):
        return "timeout", "Something it was waiting for did not answer in time.", True, None
    return "internal_error", "Something went wrong inside the plugin; the worker's log has the details.", True, None
