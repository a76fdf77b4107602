"""The download folder, health, tidying after crashes, and the tiles."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import Viewer, errors
from medianest_hub.testing import make_job
from medianest_youtube import health, tasks, tidying, widgets
from medianest_youtube.failures import Failure
from medianest_youtube.folder import MARKER
from medianest_youtube.lifecycle import check_settings, shutdown, startup
from medianest_youtube.models import (
    DownloadJob,
    DownloadState,
)
from medianest_youtube.settings import YouTubeSettings, workspace_of

from .acting import ADA, ALAN, ask, file_id_of, files, see, work

# --- the folder ---


async def test_a_folder_that_is_not_the_one_of_the_others_stops_the_plugin_with_words(ctx, monkeypatch):
    await startup(ctx)
    marker = workspace_of(ctx).root / MARKER
    marker.write_text(str(uuid4()))
    with pytest.raises(errors.NotReady, match="mount the same one"):
        await startup(ctx)
    assert (await health.folder(ctx)).status == "down"

    marker.unlink()
    monkeypatch.setattr("platform.node", lambda: "another-machine")
    with pytest.raises(errors.NotReady):
        await startup(ctx)
    monkeypatch.undo()
    await startup(ctx)
    assert (await health.folder(ctx)).status == "ok"


async def test_a_folder_that_cannot_be_made_is_named_in_the_form(context, tmp_path):
    (tmp_path / "file").touch()
    ctx = await context(YouTubeSettings(download_dir=tmp_path / "file" / "downloads"))
    with pytest.raises(errors.ConfigInvalid) as refused:
        await check_settings(ctx)

    assert [problem.field for problem in refused.value.fields] == ["download_dir"]


async def test_testing_settings_leaves_nothing_behind(context, tmp_path):
    ctx = await context(YouTubeSettings(download_dir=tmp_path / "new" / "folder"))
    await check_settings(ctx)

    assert not (tmp_path / "new").exists()


async def test_what_startup_made_is_gone_after_shutdown(ctx):
    await startup(ctx)
    await shutdown(ctx)
    await shutdown(ctx)

    assert ctx.state == {}


async def test_every_check_is_well_here(ctx):
    await startup(ctx)
    for check in (health.ffmpeg, health.javascript, health.free_space, health.folder):
        result = await check(ctx)
        assert result.status == "ok", result.detail
    assert (await health.yt_dlp(ctx)).data["version"]


async def test_an_old_yt_dlp_is_said_to_be(ctx):
    ctx.clock.advance(400 * 86400)

    result = await health.yt_dlp(ctx)

    assert result.status == "degraded"
    assert "upgrade" in result.detail


# --- tidying ---


async def test_tidying_removes_what_no_row_speaks_of_and_nothing_else(ctx, media, monkeypatch):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    workspace = workspace_of(ctx)
    orphan, stranger = workspace.finished(uuid4(), "mp4"), workspace.root / "holiday.mp4"
    orphan.touch()
    stranger.touch()
    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))
    assert orphan.exists()  # young: perhaps its row is just being written

    monkeypatch.setattr(tidying, "_ORPHAN_SECONDS", -1)
    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert not orphan.exists()
    assert stranger.exists()
    assert (await see(ctx, asked)).state is DownloadState.DONE


async def test_tidying_finds_finished_files_that_are_gone(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    (workspace_of(ctx).root / files(ctx)[0]).unlink()

    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert (await see(ctx, asked)).failure.code is Failure.FILE_LOST


async def test_tidying_touches_nothing_in_a_folder_that_is_not_ours(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    (workspace_of(ctx).root / MARKER).write_text(str(uuid4()))
    (workspace_of(ctx).root / files(ctx)[0]).unlink()

    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert (await see(ctx, asked)).state is DownloadState.DONE


async def test_a_download_without_a_living_job_gets_a_true_state(ctx, media):
    asked = await ask(ctx, media.clip())
    await ctx.jobs.cancel(asked.job_id)
    ctx.clock.advance(60)
    await tasks.settle(ctx, make_job(DownloadJob(file_id=uuid4())))
    assert (await see(ctx, asked)).state is DownloadState.CANCELLED

    other = await ask(ctx, media.clip(), container="mkv")
    await ctx.db.execute(
        "UPDATE plugin_youtube.media_file SET job_id = NULL WHERE id = $1", await file_id_of(ctx, other)
    )
    ctx.clock.advance(60)
    await tasks.settle(ctx, make_job(DownloadJob(file_id=uuid4())))
    settled = await see(ctx, other)
    assert settled.state is DownloadState.QUEUED
    assert settled.job_id is not None


# --- widgets ---


async def test_the_tile_shows_ones_own_downloads_and_the_disk_is_for_admins(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    mine = await widgets.downloads(ctx, Viewer(person=ADA, role=ADA.role))
    assert [(item.title, item.state, item.fraction) for item in mine.items] == [("clip", "done", 1)]
    assert (await widgets.downloads(ctx, Viewer(person=ALAN, role=ALAN.role))).items == []
    assert widgets.disk.permission == "hub.admin"
    assert "1 video" in (await widgets.disk(ctx, Viewer())).label

    ctx.clock.advance(timedelta(days=2).total_seconds())
    assert (await widgets.downloads(ctx, Viewer(person=ADA, role=ADA.role))).items == []
