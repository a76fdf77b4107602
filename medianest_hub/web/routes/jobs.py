"""Jobs over HTTP: one's own, for admins everybody's; list, look, cancel. Queues nothing: that is for plugins."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.errors import Conflict, NotFound
from medianest_hub.plugin_api.people import SIGNED_IN, Person
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.plugin_api.services import JobView
from medianest_hub.plugin_api.tasks import JobState
from medianest_hub.web.auditing import leave_out_of_audit, note_for_audit

router = Router()


class JobPath(BaseModel):
    """The part of a path that names a job."""

    id: UUID


class JobsWanted(BaseModel):
    """Which jobs, and how many at once; `cursor` is the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid")

    state: JobState | None = None
    plugin: str | None = Field(default=None, min_length=1, max_length=64)
    cursor: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/api/v1/jobs", permission=SIGNED_IN)
async def list_jobs(parts: HubParts, call: Call[Empty, JobsWanted]) -> Page[JobView]:
    """The caller's jobs, newest first; an admin gets everybody's and the hub's own."""
    wanted, caller = call.query, call.caller
    found = await parts.jobs.list(
        person=None if caller.is_admin else caller.id,
        plugin=wanted.plugin,
        state=wanted.state,
        before=wanted.cursor,
        limit=wanted.limit + 1,
    )
    items = found[: wanted.limit]
    return Page[JobView](items=items, next_cursor=str(items[-1].id) if len(found) > wanted.limit else None)


@router.get("/api/v1/jobs/{id}", permission=SIGNED_IN)
async def one_job(parts: HubParts, call: Call[JobPath]) -> JobView:
    """One job; somebody else's is not found."""
    return await _visible(parts, call.caller, call.path.id)


@router.delete("/api/v1/jobs/{id}", permission=SIGNED_IN)
async def cancel_job(parts: HubParts, call: Call[JobPath]) -> None:
    """Cancel it wherever it is.

    A running job ends within about a second, told by the event `job:done`. One already cancelled stays so; one that ended
    otherwise answers 409 `job_ended`. One that may work for others too answers 409 `job_not_cancellable`: withdraw
    what it was begun for where that was asked for.
    """
    job = await _visible(parts, call.caller, call.path.id)
    if job.person_id == call.caller.id:
        leave_out_of_audit()
    note_for_audit(target_name=f"{job.plugin}.{job.task}")
    plugin = parts.host.plugins.get(job.plugin)
    task = None if plugin is None else plugin.task(job.task)
    if task is not None and not task.cancellable:
        words = f"Others may wait for this job too. Cancel what you asked for at /api/v1/{job.plugin}; it ends with the last."
        raise Conflict(words, code="job_not_cancellable", params={"plugin": job.plugin})
    if job.state is JobState.CANCELLED or await parts.jobs.cancel(job.id):
        return
    after = await _visible(parts, call.caller, job.id)
    if after.state is not JobState.CANCELLED:
        raise Conflict(f"This job has ended already; it is {after.state.value}.", code="job_ended")


async def _visible(parts: HubParts, caller: Person, job_id: UUID) -> JobView:
    job = await parts.jobs.get(job_id)
    if job is None or not (caller.is_admin or job.person_id == caller.id):
        raise NotFound("There is no such job.", code="no_such_job")
    return job
