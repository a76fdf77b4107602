"""Has a Plex server look at one folder for new files, gently: asked for often, it is done once. Reads no folder itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import BadInput, Conflict, FieldProblem, GiveUp, HubError
from medianest_plex.connection import connection
from medianest_plex.library.hints import hint
from medianest_plex.library.sections import Section, read_sections
from medianest_plex.library.sync import library_client
from medianest_plex.servers import everywhere, here, of_instance
from medianest_plex.settings import FIRST, PlexSettings

SCAN: Final = "scan"
"""The name of the task."""

GATHER_SECONDS: Final = 10.0
"""How long a scan waits for more to be put into its folder."""

NOTICE_SECONDS: Final = 20.0
"""How long after a scan began a sync looks what it found; the server tells of it earlier where it is listened to."""

_LONGEST: Final = 4000


class ScanArgs(BaseModel):
    """Which folder of which server, as that one names it, and why."""

    folder: str
    reason: str = ""
    instance: str = FIRST


async def request_scan(ctx: Context[PlexSettings], folder: str, reason: str) -> UUID | None:
    """Have the context's server look at this folder in a few seconds, once however often that is asked for; the job's id.

    `folder` is the path as the Plex server has it. Raises `BadInput` for a path that is relative, has `..` in it or lies in
    no library that is kept, and `Conflict` (`plex_token_needed`) without the owner's token.
    """
    if here(ctx).token is None:
        raise Conflict(
            f"Only the owner of the {here(ctx).service} can have it look for files. Enter the owner's token in the settings.",
            code="plex_token_needed",
        )
    _, inside = locate(await read_sections(ctx.db, ctx.instance), folder)
    return await ctx.jobs.enqueue(
        *(SCAN, ScanArgs(folder=inside, reason=reason[:500], instance=ctx.instance)),
        delay=GATHER_SECONDS,
        unique=inside if ctx.instance == FIRST else f"{ctx.instance}:{inside}",
    )


async def request_scans(ctx: Context[PlexSettings], folder: str, reason: str) -> int:
    """Have every server look at this folder that has a library there; how many do.

    Raises what `request_scan` raised for the last one, where there is none.
    """
    refused: HubError | None = None
    asked = 0
    for server in everywhere(ctx):
        try:
            await request_scan(server, folder, reason)
            asked += 1
        except (BadInput, Conflict) as error:
            refused = error
    if refused is not None and not asked:
        raise refused
    return asked


async def scan(ctx: Context[PlexSettings], args: ScanArgs) -> None:
    """Ask its server for it, and look soon what it found. Raises `GiveUp` when the folder is in no library any more."""
    server = of_instance(ctx, args.instance)
    if server is None:
        raise GiveUp("The server was taken out of the settings before this folder was looked at.")
    await _scan(server, args)


async def _scan(ctx: Context[PlexSettings], args: ScanArgs) -> None:
    client = await library_client(ctx)
    if client is None:
        raise GiveUp("The owner's token was taken out of the settings before this folder was looked at.")
    try:
        section, inside = locate(await read_sections(ctx.db, ctx.instance), args.folder)
    except BadInput as error:
        raise GiveUp(error.message) from None
    await (await connection(ctx)).prove(ctx)
    await client.refresh(section.key, inside)
    ctx.log.info("plex_folder_scanned", server=ctx.instance, section=section.title, reason=args.reason)
    await hint(ctx, delay=NOTICE_SECONDS)


def locate(sections: Sequence[Section], folder: str) -> tuple[Section, str]:
    """The section the folder belongs to (the one that lies deepest), and the folder without slashes too many.

    Raises `BadInput`.
    """
    if len(folder) > _LONGEST or any(ord(letter) < 32 for letter in folder):
        raise _refused("unusable", "This is no path of a folder.")
    best: tuple[int, Section, str] | None = None
    for section in sections:
        for location in section.locations:
            kind = _kind_of(location)
            path, root = kind(folder), kind(location)
            if ".." in path.parts or not path.is_absolute():
                continue
            if path.is_relative_to(root) and (best is None or len(root.parts) > best[0]):
                best = (len(root.parts), section, str(path))
    if best is not None:
        return best[1], best[2]
    if ".." in PurePosixPath(folder).parts or ".." in PureWindowsPath(folder).parts:
        raise _refused("climbs", 'Write the path of the folder without "..".')
    if not PurePosixPath(folder).is_absolute() and not PureWindowsPath(folder).is_absolute():
        raise _refused("relative", "Write the whole path of the folder, as the Plex server has it.")
    raise _refused("no_library", "This folder lies in none of the libraries. Write its path as the Plex server has it.")


def _kind_of(location: str) -> type[PurePath]:
    """Servers on Windows have paths such as `D:\\Films`; where that is, capitals make no difference."""
    return PurePosixPath if location.startswith("/") else PureWindowsPath


def _refused(code: str, words: str) -> BadInput:
    return BadInput(words, fields=[FieldProblem(field="folder", code=code, message=words)])
