"""Names and notes people write and others read: nothing in them is invisible or turns the direction of writing."""

import pytest

from medianest_hub.plugin_api import Role

from .conftest import StartSite

HIDDEN = ["\u202eada", "ada\u200b", "x\u2028y", "\u2066" * 5, "a\u3164b", "a\x1b[31mb", "a\r\nb", "\ue000", "ada\u2800"]
GOOD = ["Ada (admin)", "山田　太郎", "Ада Ada", "नीना", "O'Neil & söhne ½"]


@pytest.mark.parametrize(
    ("method", "path", "field", "more"),
    [
        ("PATCH", "/api/v1/users/me", "display_name", {}),
        ("PATCH", "/api/v1/users/{id}", "display_name", {}),
        ("POST", "/api/v1/users", "display_name", {"username": "tom"}),
        ("POST", "/api/v1/api-keys", "name", {"permissions": ["hub.signed_in"]}),
        ("POST", "/api/v1/invites", "note", {}),
    ],
)
async def test_no_name_and_no_note_hides_anything(
    start_site: StartSite, method: str, path: str, field: str, more: dict[str, object]
) -> None:
    site = await start_site()
    root = await site.person("root", Role.ADMIN)
    path = path.format(id=root.id)
    for text in HIDDEN:
        reply = await site.call(method, path, by=root, json={field: text, **more})
        assert reply.status == 400, ascii(text)
        [problem] = reply.json()["errors"]
        assert problem["field"] == f"body.{field}"
        assert problem["code"] in ("unseen_characters", "string_pattern_mismatch")
    for number, text in enumerate(GOOD):
        if "username" in more:
            more = {"username": f"tom{number}"}
        reply = await site.call(method, path, by=root, json={field: f" {text} ", **more})
        assert reply.status in (200, 201), ascii(text)
        assert text in reply.body.decode()
    reply = await site.call(method, path, by=root, json={field: "x" * 201, **more})
    assert reply.status == 400
