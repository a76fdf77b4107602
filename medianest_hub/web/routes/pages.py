"""The addresses of the hub's own pages. Everyone may read the pages: what is somebody's, they ask the API for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.answers import redirect
from medianest_hub.web.pages import asset, page

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""


class AnyQuery(BaseModel):
    """Whatever stands behind the ?: it is for the page's script, if for anybody."""

    model_config = ConfigDict(extra="ignore")


class AssetPath(BaseModel):
    """A file of the pages and the version of all of them."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(max_length=32)
    file: str = Field(max_length=64)


@router.get("/", public=True, status=303)
async def front(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """Leads to the account page, as long as there is no other first page."""
    return redirect(f"{parts.settings.server.base_path}/account")


@local_router.get("/setup", public=True)
async def setup_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """The page behind the set-up link."""
    return page("setup", call.request.public_url)


@router.get("/sign-in", public=True)
async def sign_in_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """The page to sign in on."""
    return page("sign-in", call.request.public_url)


@router.get("/sign-in/done", public=True)
async def sign_in_done_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """Where sign-in providers send the browser back to; its script finishes the sign-in."""
    return page("sign-in-done", call.request.public_url)


@router.get("/invite", public=True)
async def invite_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """The page behind an invitation; the token is in the fragment, which never reaches the server."""
    return page("invite", call.request.public_url)


@local_router.get("/reset-password", public=True)
async def reset_password_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """The page behind a password link; the token is in the fragment."""
    return page("reset-password", call.request.public_url)


@router.get("/account", public=True)
async def account_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """Everybody's own account: sessions, password, ways to sign in, API keys. Empty until its script has signed in."""
    return page("account", call.request.public_url)


@router.get("/people", public=True)
async def people_page(parts: HubParts, call: Call[Empty, AnyQuery]) -> StreamAnswer:
    """For admins: everyone who is known, and invitations. Empty until its script has signed in."""
    return page("people", call.request.public_url)


@router.get("/ui/{version}/{file}", public=True)
async def page_asset(parts: HubParts, call: Call[AssetPath]) -> StreamAnswer:
    """A style, script or picture of the pages. 404 `not_found` for any other name."""
    return asset(call.path.file, call.path.version)
