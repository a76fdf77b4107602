"""What happens to issues: opened, talked about, closed and opened again; decides nothing over HTTP."""

from __future__ import annotations

from .notices import Kind, Notice
from .records import Comment, Issue, IssueStatus, IssueType, Media, Permission, User
from .world import World


def open_issue(
    world: World, user: User, media: Media, type: IssueType, message: str, *, season: int = 0, episode: int = 0
) -> Issue:
    """Somebody found something wrong; the message is its first comment."""
    now = world.now()
    made = Issue(world.next("issue"), type, media, user, now, now, season=season, episode=episode)
    made.comments.append(_comment(world, user, message))
    world.issues[made.id] = made
    world.tell(Notice(Kind.ISSUE_CREATED, media, issue=made))
    return made


def comment(world: World, issue: Issue, user: User, message: str) -> Comment:
    """Somebody says something about it."""
    made = _comment(world, user, message)
    issue.comments.append(made)
    world.touch(issue)
    told = _told(issue, user)
    world.tell(Notice(Kind.ISSUE_COMMENT, issue.media, issue=issue, comment=made, user=told))
    return made


def put_status(world: World, issue: Issue, status: IssueStatus, by: User) -> None:
    """It is closed, or opened again; nobody is told of what it was already."""
    changed = issue.status is not status
    issue.status, issue.modified_by = status, by
    world.touch(issue)
    if changed:
        kind = Kind.ISSUE_RESOLVED if status is IssueStatus.RESOLVED else Kind.ISSUE_REOPENED
        world.tell(Notice(kind, issue.media, issue=issue, user=_told(issue, by)))


def _told(issue: Issue, by: User) -> User | None:
    """Who opened it is told of what another did, unless told anyhow as one who manages issues."""
    opener = issue.created_by
    return None if opener is by or opener.may(Permission.MANAGE_ISSUES) else opener


def _comment(world: World, user: User, message: str) -> Comment:
    now = world.now()
    return Comment(world.next("comment"), user, message, now, now)
