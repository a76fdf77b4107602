"""The paths below /issue and /issueComment; what happens to issues is `issues`'."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import issues
from .access import API, Asking, guarded
from .contract import NULLABLE, NUMBER, PAGED, TEXT, Rule, Shape, whole
from .issue_json import changed_json, comment_json, issue_json, row_json
from .paging import paged
from .records import Comment, Issue, IssueStatus, IssueType, Permission, Refused
from .world import World

P = Permission
_LIST = Shape({**PAGED, "sort": Rule(among=("added", "modified")), "filter": Rule(among=("all", "open", "resolved")),
               "requestedBy": NULLABLE})  # fmt: skip
_NEW = Shape(body={"issueType": NUMBER, "message": TEXT, "mediaId": NUMBER})
_ONE, _COMMENT = Shape(path=("issueId",)), Shape(path=("issueId",), body={"message": Rule(required=True)})
_SEES = (P.MANAGE_ISSUES, P.VIEW_ISSUES)
_READS = (P.MANAGE_ISSUES, P.VIEW_ISSUES, P.CREATE_ISSUES)
_WRITES = (P.MANAGE_ISSUES, P.CREATE_ISSUES)


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    at, said = f"{API}/issue", f"{API}/issueComment/{{commentId}}"
    one, decided = f"{at}/{{issueId}}", f"{at}/{{issueId}}/{{status:open|resolved}}"
    edited = Shape(body={"message": TEXT})
    return [
        web.get(at, guarded(world, _LIST, _list, _READS), name="issues"),
        web.post(at, guarded(world, _NEW, _open, _WRITES), name="open_issue"),
        web.get(f"{at}/count", guarded(world, Shape(), _count, ()), name="issue_count"),
        web.get(one, guarded(world, _ONE, _get, _READS), name="issue"),
        web.delete(one, guarded(world, Shape(), _delete, _WRITES), name="delete_issue"),
        web.post(f"{one}/comment", guarded(world, _COMMENT, _comment, _WRITES), name="comment"),
        web.post(decided, guarded(world, Shape(), _decide, (P.MANAGE_ISSUES,)), name="decide_issue"),
        web.get(said, guarded(world, Shape(), _get_comment, _READS), name="issue_comment"),
        web.put(said, guarded(world, edited, _edit_comment, _WRITES), name="edit_comment"),
        web.delete(said, guarded(world, Shape(), _delete_comment, _WRITES), name="delete_comment"),
    ]


def _list(asking: Asking) -> dict[str, Any]:
    """`requestedBy` is described, and read by nobody: who sees all sees all. Without a filter all are listed."""
    world, user, query = asking.world, asking.user, asking.query
    wanted = {"open": (IssueStatus.OPEN,), "resolved": (IssueStatus.RESOLVED,)}.get(query.get("filter", ""))
    found = [
        one
        for one in world.issues.values()
        if (wanted is None or one.status in wanted) and (one.created_by is user or user.may(*_SEES))
    ]
    modified = query.get("sort") == "modified"
    found.sort(key=lambda one: (-(one.updated_at if modified else one.created_at), -one.id))
    return paged(asking, found, 10, lambda one: row_json(world, one))


def _count(asking: Asking) -> dict[str, int]:
    every = list(asking.world.issues.values())
    names = {"video": IssueType.VIDEO, "audio": IssueType.AUDIO, "subtitles": IssueType.SUBTITLES}
    types = {
        name: sum(one.type is type for one in every) for name, type in (names | {"others": IssueType.OTHER}).items()
    }
    opened = sum(one.status is IssueStatus.OPEN for one in every)
    return {"total": len(every), **types, "open": opened, "closed": len(every) - opened}


def _find(asking: Asking, status: int = 500) -> Issue:
    text = asking.path["issueId"]
    found = asking.world.issues.get(whole(text)) if text.replace(".", "", 1).isdecimal() else None
    if found is None:
        raise Refused(status, "Issue not found.")
    return found


def _open(asking: Asking) -> dict[str, Any]:
    world, body = asking.world, asking.body
    media = world.media.get(whole(body.get("mediaId") or 0))
    if media is None:
        raise Refused(404, "Media does not exist.")
    number, where = whole(body.get("issueType") or 4), (body.get("problemSeason"), body.get("problemEpisode"))
    type = IssueType(number) if number in list(IssueType) else IssueType.OTHER
    season, episode = (whole(one) if isinstance(one, int | float) else 0 for one in where)
    text = str(body.get("message") or "")
    made = issues.open_issue(world, asking.user, media, type, text, season=season, episode=episode)
    return changed_json(world, made)


def _get(asking: Asking) -> dict[str, Any]:
    found = _find(asking)
    if found.created_by is not asking.user and not asking.user.may(*_SEES):
        raise Refused(403, "You do not have permission to view this issue.")
    return issue_json(asking.world, found)


def _comment(asking: Asking) -> dict[str, Any]:
    found = _find(asking)
    if found.created_by is not asking.user and not asking.user.may(P.MANAGE_ISSUES):
        raise Refused(403, "You do not have permission to comment on this issue.")
    issues.comment(asking.world, found, asking.user, str(asking.body["message"]))
    return changed_json(asking.world, found)


def _decide(asking: Asking) -> dict[str, Any]:
    found = _find(asking)
    status = IssueStatus.OPEN if asking.path["status"] == "open" else IssueStatus.RESOLVED
    issues.put_status(asking.world, found, status, asking.user)
    return changed_json(asking.world, found)


def _delete(asking: Asking) -> web.Response:
    """Who does not manage issues may delete their own as long as nobody answered."""
    found, user = _find(asking, 404), asking.user
    if not user.may(P.MANAGE_ISSUES) and (found.created_by is not user or len(found.comments) > 1):
        raise Refused(401, "You do not have permission to delete this issue.")
    del asking.world.issues[found.id]
    return web.Response(status=204)


def _find_comment(asking: Asking) -> tuple[Issue, Comment]:
    for issue in asking.world.issues.values():
        for one in issue.comments:
            if str(one.id) == asking.path["commentId"]:
                return issue, one
    raise Refused(404, "Issue comment not found.")


def _get_comment(asking: Asking) -> dict[str, Any]:
    _, found = _find_comment(asking)
    if found.user is not asking.user and not asking.user.may(*_SEES):
        raise Refused(403, "You do not have permission to view this comment.")
    return comment_json(asking.world, found)


def _edit_comment(asking: Asking) -> dict[str, Any]:
    _, found = _find_comment(asking)
    if found.user is not asking.user:
        raise Refused(403, "You can only edit your own comments.")
    found.message = str(asking.body.get("message") or "")
    found.updated_at = asking.world.now()
    return comment_json(asking.world, found)


def _delete_comment(asking: Asking) -> web.Response:
    issue, found = _find_comment(asking)
    if found.user is not asking.user and not asking.user.may(P.MANAGE_ISSUES):
        raise Refused(403, "You do not have permission to delete this comment.")
    issue.comments.remove(found)
    return web.Response(status=204)
