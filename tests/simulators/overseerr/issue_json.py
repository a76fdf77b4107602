"""Issues and their comments as the service writes them; changes nothing."""

from __future__ import annotations

from typing import Any

from .record_json import media_json, user_json
from .records import Comment, Issue, written
from .world import World


def bare_issue(issue: Issue) -> dict[str, Any]:
    """An issue alone, as in what is known of a title."""
    return {
        "id": issue.id,
        "issueType": int(issue.type),
        "status": int(issue.status),
        "problemSeason": issue.season,
        "problemEpisode": issue.episode,
        "createdAt": written(issue.created_at),
        "updatedAt": written(issue.updated_at),
    }


def comment_json(world: World, comment: Comment, *, settings: bool = False) -> dict[str, Any]:
    """What somebody said."""
    return {**_said(comment), "user": user_json(world, comment.user, settings=settings)}


def _said(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "message": comment.message,
        "createdAt": written(comment.created_at),
        "updatedAt": written(comment.updated_at),
    }


def row_json(world: World, issue: Issue) -> dict[str, Any]:
    """An issue in a list: Overseerr leaves its comments out, Seerr who said them."""
    by = None if issue.modified_by is None else user_json(world, issue.modified_by)
    return {
        **bare_issue(issue),
        "createdBy": user_json(world, issue.created_by),
        "media": media_json(world, issue.media),
        "modifiedBy": by,
        **({"comments": [_said(one) for one in issue.comments]} if world.seerr else {}),
    }


def changed_json(world: World, issue: Issue) -> dict[str, Any]:
    """As answered after it was opened, talked about or decided: everything of it is loaded."""
    by = issue.modified_by
    return {
        **bare_issue(issue),
        "createdBy": user_json(world, issue.created_by, settings=True),
        "media": media_json(world, issue.media, seasons=True),
        **({} if by is None else {"modifiedBy": user_json(world, by, settings=True)}),
        "comments": [comment_json(world, one, settings=True) for one in issue.comments],
    }


def issue_json(world: World, issue: Issue) -> dict[str, Any]:
    """One issue, with what was said."""
    return {
        **bare_issue(issue),
        "comments": [comment_json(world, one) for one in issue.comments],
        "createdBy": user_json(world, issue.created_by),
        "media": media_json(world, issue.media),
    }
