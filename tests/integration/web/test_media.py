"""The search and one thing's page as a front end gets them: signed in, bounded, in words."""

from __future__ import annotations

from tests.integration.web.conftest import Install, StartSite

FILMS = """
async def search(ctx, viewer, text) -> list[MediaHit]:
    if text == "crash":
        raise RuntimeError("hunter2")
    return [await details(ctx, viewer, "a/b c%:7")] if text == "alien" else []

async def details(ctx, viewer, id) -> MediaDetails | None:
    if id != "a/b c%:7":
        return None
    ask = Action(id="ask", title="Ask", path="/api/v1/films/wishes", body={"id": 7}, ask=ActionField(name="why", title="Why"))
    return MediaDetails(id=id, kind="video", title="Alien", requestable=True, actions=[ask], genres=["Horror"])

@hookimpl
def hub_media_sources():
    return [MediaSource("films", search, details)]
"""

ITEM = {
    "id": "films.main.films:a/b c%:7",
    "kind": "video",
    "title": "Alien",
    "original_title": "",
    "year": None,
    "summary": "",
    "image": None,
    "state": "requestable",
    "places": [],
    "requests": [],
    "actions": [
        {
            "id": "ask",
            "title": "Ask",
            "method": "POST",
            "path": "/api/v1/films/wishes",
            "body": {"id": 7},
            "tone": "neutral",
            "confirm": "",
            "ask": {"name": "why", "title": "Why", "required": False, "max_length": 500},
            "source": "films.main.films",
        }
    ],
    "external_ids": {},
}  # fmt: skip
SOURCE = {"source": "films.main.films", "plugin": "films", "instance": "main", "title": "Synthetic"}


async def test_a_search_answers_items_with_sources_and_an_items_id_leads_to_its_page(
    start_site: StartSite, install: Install
) -> None:
    install("films", FILMS)
    site = await start_site()
    assert (await site.get("/api/v1/media/search?q=alien")).status == 401
    assert (await site.get("/api/v1/media/movie/tmdb:1")).status == 401
    mia = await site.person()
    found = await site.get("/api/v1/media/search?q=alien", by=mia)
    assert found.status == 200
    assert found.json() == {
        "items": [ITEM],
        "total": 1,
        "sources": [{**SOURCE, "state": "ok", "age": 0.0, "hits": 1, "code": "", "message": ""}],
    }
    assert found.headers["cache-control"] == "no-store"
    page = await site.get("/api/v1/media/video/films.main.films:a%2Fb%20c%25:7", by=mia)
    assert page.status == 200
    body = page.json()
    assert {name: body[name] for name in ITEM} == ITEM
    assert (body["genres"], body["sources"][0]["hits"]) == (["Horror"], 1)
    missing = await site.get("/api/v1/media/movie/tmdb:603", by=mia)
    assert (missing.status, missing.json()["code"]) == (404, "media_not_found")
    assert missing.json()["detail"] == "None of the sources knows such a thing."
    broken = await site.get("/api/v1/media/search?q=crash", by=mia)
    assert (broken.status, broken.json()["sources"][0]["state"]) == (200, "failed")
    assert "hunter2" not in broken.body.decode()


REFUSED = {
    "search": "query.q",
    "search?q=": "query.q",
    "search?q=%20%20": "query.q",
    "search?q=" + "x" * 201: "query.q",
    "search?q=x&kind=opera": "query.kind",
    "search?q=x&limit=0": "query.limit",
    "search?q=x&limit=101": "query.limit",
    "opera/tmdb:1": "path.kind",
    "movie/x": "path.id",
    "movie/" + "x" * 401: "path.id",
}


async def test_what_cannot_be_asked_is_refused_with_the_fields_name(start_site: StartSite) -> None:
    site = await start_site()
    mia = await site.person()
    for path, field in REFUSED.items():
        refused = await site.get(f"/api/v1/media/{path}", by=mia)
        assert (refused.status, path[:30]) == (400, path[:30])
        assert [problem["field"] for problem in refused.json()["errors"]] == [field]
