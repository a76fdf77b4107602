"""`YoutubeDL` with the hub's own conditions: ask before downloading, one video only, never join two versions."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.networking import HEADRequest, Request, Response
from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import DownloadCancelled, PagedList, YoutubeDLError, parse_http_range

from medianest_youtube.failures import Failure
from medianest_youtube.options import PROTOCOLS
from medianest_youtube.yt_dlp_process.channel import Channel
from medianest_youtube.yt_dlp_process.marks import Mark, Marks
from medianest_youtube.yt_dlp_process.summary import size_of, summarize

_BEGINNINGS = 4
_FRAGMENTED = ("m3u8", "m3u8_native", "http_dash_segments")


class Refused(DownloadCancelled):  # type: ignore[misc]  # yt-dlp has no types; this one passes through it unchanged
    """The hub will not have this video: a `Failure` and details."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(detail or str(failure))
        self.failure = failure
        self.detail = detail


class _Changed(Exception):
    """The remote file is not the one whose beginning we have, or nobody can say whether it is."""


class GuardedYoutubeDL(YoutubeDL):  # type: ignore[misc]
    """Downloads one video into the working folder, when the parent says so.

    `marks` is where versions are remembered. After `extract_info(url)`: `path` is the finished file, if there is one.
    """

    def __init__(self, params: dict[str, Any], channel: Channel, folder: Path) -> None:
        self.path: str | None = None
        self.expected: dict[str, int | None] = {}
        """Bytes by format id, for progress over all parts."""
        self.in_subtitle = False
        self._channel = channel
        self._folder = folder
        self._marks = Marks(folder / "marks.json")
        self._target: str | None = None
        self._fragmented = False
        super().__init__(params)

    # --- one video ---

    def process_ie_result(
        self, ie_result: dict[str, Any], download: bool = True, extra_info: dict[str, Any] | None = None
    ) -> Any:
        """A list of exactly one video is that video; any other list is refused before its items are looked at."""
        if ie_result.get("_type", "video") not in ("playlist", "multi_video", "compat_list"):
            return super().process_ie_result(ie_result, download, extra_info)
        entries = ie_result.get("entries") or []
        first = entries.getslice(0, 2) if isinstance(entries, PagedList) else itertools.islice(entries, 2)
        found = [entry for entry in first if entry]
        if len(found) > 1:
            raise Refused(Failure.PLAYLIST, str(ie_result.get("title") or ""))
        if not found:
            raise Refused(Failure.UNSUPPORTED_URL, "an empty list")
        names = ("extractor", "extractor_key", "webpage_url", "original_url")
        extra = {name: ie_result[name] for name in names if ie_result.get(name)}
        return self.process_ie_result(found[0], download, {**extra, **(extra_info or {})})

    # --- ask first ---

    def process_info(self, info_dict: dict[str, Any]) -> None:
        """Tell the parent what would be downloaded, and do it only if it says so."""
        chosen = info_dict.get("requested_formats") or [info_dict]
        for one in chosen:
            schemes = {urlsplit(one.get(name) or "").scheme for name in ("url", "manifest_url")} - {""}
            if one.get("protocol") not in PROTOCOLS or not schemes <= {"http", "https"}:
                raise Refused(Failure.NO_SUCH_FORMAT, f"protocol {one.get('protocol')}")
        self.ask_sizes(info_dict)
        self.expected = {str(one.get("format_id")): size_of(one, info_dict.get("duration")) for one in chosen}
        self._channel.send("info", info=summarize(info_dict))
        answer = self._channel.receive()
        if not answer.get("go"):
            raise Refused(Failure.CANCELLED)
        if answer.get("fresh"):
            self._forget_everything()
        super().process_info(info_dict)
        self.path = info_dict.get("filepath")

    def ask_sizes(self, info_dict: dict[str, Any]) -> None:
        """Fill in the sizes of chosen plain files that the site's description leaves out, where the server tells."""
        for one in info_dict.get("requested_formats") or [info_dict]:
            if one.get("protocol") in ("http", "https") and size_of(one, info_dict.get("duration")) is None:
                with contextlib.suppress(RequestError):
                    request = HEADRequest(one["url"], headers=one.get("http_headers") or {})
                    with contextlib.closing(super().urlopen(request)) as response:
                        one["filesize"] = Mark.of(response.headers, response.status).length

    def _forget_everything(self) -> None:
        for file in self._folder.glob("media.*"):
            file.unlink(missing_ok=True)

    # --- never two versions in one file ---

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        """Download one file; `name` is where to. When it changed meanwhile, once more from its beginning."""
        with self._aiming_at(Path(name).name, subtitle):
            self._fragmented = info.get("protocol") in _FRAGMENTED
            for _ in range(_BEGINNINGS):
                try:
                    if self._fragmented and not subtitle:
                        self._check_manifest(Path(name), info)
                    return super().dl(name, info, subtitle, test)
                except _Changed:
                    self._remove_parts(Path(name))
                except YoutubeDLError as error:
                    if not subtitle or isinstance(error, DownloadCancelled):
                        raise
                    # A video without its subtitles is worth more than none; sites are stingiest with these.
                    self.report_warning(f"without these subtitles: {Path(name).name}: {error}")
                    return False, False
            raise Refused(
                Failure.BAD_MEDIA, "the file changes, or its length is not as announced, each time it is asked for"
            )

    @contextlib.contextmanager
    def _aiming_at(self, target: str, subtitle: bool) -> Iterator[None]:
        self._target, self.in_subtitle = target, subtitle
        try:
            yield
        finally:
            self._target, self.in_subtitle = None, False

    def urlopen(self, req: Any) -> Response:
        """Open; the rest of a file is asked for on condition that it is still the same file.

        Raises `_Changed` where it is not, or nobody can say. (Answering with the whole file instead is not enough:
        in the midst of a file fetched in chunks yt-dlp appends it to what it has.)
        """
        if self._target is None:
            return super().urlopen(req)
        request = req if isinstance(req, Request) else Request(req)
        start = parse_http_range(request.headers.get("Range"))[0]
        whole = f"{self._target} {urlsplit(request.url).path}" if self._fragmented else self._target
        known = self._marks.get(whole)
        if not start:
            response = super().urlopen(request)
            self._marks.put(whole, Mark.of(response.headers, response.status), lasting=whole == self._target)
            return response
        if known is None:
            raise _Changed
        if known.condition is not None:
            request.headers["If-Range"] = known.condition
        try:
            response = super().urlopen(request)
        except HTTPError as error:
            # yt-dlp takes 416 for "complete" when the lengths are alike; alike is not the same.
            if error.status == 416:
                raise _Changed from error
            raise
        if response.status != 206 or not known.agrees(Mark.of(response.headers, response.status)):
            response.close()
            raise _Changed
        return response

    def _remove_parts(self, file: Path) -> None:
        for part in file.parent.iterdir():
            if part.name.startswith(f"{file.name}."):
                part.unlink()
        self._marks.forget(file.name)

    def _check_manifest(self, file: Path, info: dict[str, Any]) -> None:
        """Parts of a stream are continued only if its list of fragments, and the first of them, are as they were."""
        lines, first = self._fragment_list(info)
        digest = hashlib.sha256("\n".join(line.partition("?")[0] for line in lines).encode()).hexdigest()
        mark = Mark(etag=digest)
        if first is not None:
            headers = {**(info.get("http_headers") or {}), "Range": "bytes=0-0"}
            with contextlib.closing(super().urlopen(Request(first, headers=headers))) as response:
                sample = Mark.of(response.headers, response.status)
            mark = Mark(f"{digest} {sample.etag}", sample.modified, sample.length)
        name = f"{file.name} fragments"
        if self._marks.get(name) != mark:
            self._remove_parts(file)
            self._marks.put(name, mark)
        for half in file.parent.glob("media.*-Frag*.part"):
            half.unlink()  # of half a fragment nobody knows which version it is

    def _fragment_list(self, info: dict[str, Any]) -> tuple[list[str], str | None]:
        """The lines that name fragments, and the address of the first."""
        fragments = info.get("fragments")
        if isinstance(fragments, list):
            base = info.get("fragment_base_url") or ""
            lines = [urljoin(base, one.get("url") or one.get("path") or "") for one in fragments]
            return lines, next((line for line in lines if line.startswith("http")), None)
        text = info.get("hls_media_playlist_data")
        base = info["url"]
        if not text:
            with contextlib.closing(super().urlopen(Request(base, headers=info.get("http_headers") or {}))) as response:
                text, base = response.read(4 << 20).decode("utf-8", "replace"), response.url
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        first = next((line for line in lines if not line.startswith("#")), None)
        return lines, urljoin(base, first) if first else None
