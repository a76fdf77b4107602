"""Makes the media once with ffmpeg's own test sources and keeps them in a temporary folder; serves nothing."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SECONDS = 6
HEIGHTS = (144, 240, 360)
LANGUAGES = ("en", "de")


def _ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _run(*arguments: str, cwd: Path) -> None:
    command = [_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg could not make the test media: {done.stderr.strip()[-800:]}")


def _sources(height: int, pattern: str = "testsrc2", tone: int = 440) -> list[str]:
    video = f"{pattern}=size={height * 16 // 9 // 2 * 2}x{height}:rate=25:duration={SECONDS}"
    return ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", f"sine=frequency={tone}:duration={SECONDS}"]


_H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0"]
_AAC = ["-c:a", "aac", "-b:a", "64k", "-ac", "1"]


def _files(folder: Path) -> None:
    start = ["-movflags", "+faststart"]
    _run(*_sources(240), *_H264, *_AAC, *start, "clip.mp4", cwd=folder)
    _run(*_sources(240, "smptebars", 880), *_H264, *_AAC, *start, "other.mp4", cwd=folder)
    _run("-i", "clip.mp4", "-vn", "-c:a", "copy", *start, "sound.m4a", cwd=folder)
    _run("-i", "clip.mp4", "-frames:v", "1", "poster.jpg", cwd=folder)


def _subtitles(folder: Path, language: str) -> None:
    cues = "\n".join(f"00:0{n}.000 --> 00:0{n}.900\n{language} line {n}\n" for n in range(SECONDS))
    (folder / f"sub_{language}.vtt").write_text(f"WEBVTT\n\n{cues}", encoding="utf-8")
    (folder / f"sub_{language}.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SECONDS}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{SECONDS}.0,\nsub_{language}.vtt\n#EXT-X-ENDLIST\n",
        encoding="utf-8",
    )


def _hls(folder: Path) -> None:
    folder.mkdir()
    master = ["#EXTM3U", "#EXT-X-VERSION:3"]
    for language in LANGUAGES:
        _subtitles(folder, language)
        master.append(
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="{language}",LANGUAGE="{language}",'
            f'DEFAULT=NO,AUTOSELECT=YES,URI="sub_{language}.m3u8"'
        )
    for height in HEIGHTS:
        _run(
            *_sources(height), *_H264, *_AAC, "-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod",
            "-hls_segment_filename", f"v{height}_%03d.ts", f"v{height}.m3u8", cwd=folder,
        )  # fmt: skip
        width = height * 16 // 9 // 2 * 2
        master.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={height * 3000},RESOLUTION={width}x{height},"
            f'CODECS="avc1.42c01e,mp4a.40.2",SUBTITLES="subs"'
        )
        master.append(f"v{height}.m3u8")
    (folder / "master.m3u8").write_text("\n".join([*master, ""]), encoding="utf-8")


def _dash(folder: Path) -> None:
    folder.mkdir()
    split = f"[0:v]split={len(HEIGHTS)}" + "".join(f"[s{h}]" for h in HEIGHTS)
    scales = ";".join(f"[s{h}]scale={h * 16 // 9 // 2 * 2}:{h}[v{h}]" for h in HEIGHTS)
    maps = [part for h in HEIGHTS for part in ("-map", f"[v{h}]")]
    _run(
        *_sources(max(HEIGHTS)), "-filter_complex", f"{split};{scales}", *maps, "-map", "1:a", *_H264, *_AAC,
        "-f", "dash", "-seg_duration", "2", "-use_template", "1", "-use_timeline", "0",
        "-adaptation_sets", "id=0,streams=v id=1,streams=a", "manifest.mpd", cwd=folder,
    )  # fmt: skip


def _recipe() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def media_folder(cache: Path | None = None) -> Path:
    """The folder with `clip.mp4`, `other.mp4`, `sound.m4a`, `poster.jpg`, `hls/` and `dash/`, made on first use.

    Safe to call from several processes at once: one makes, the others wait. Raises RuntimeError when ffmpeg fails.
    """
    base = cache or Path(tempfile.gettempdir()) / f"medianest-media-{os.getuid()}"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready = base / _recipe()
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            making = Path(tempfile.mkdtemp(dir=base))
            _files(making)
            _hls(making / "hls")
            _dash(making / "dash")
            making.rename(ready)
    return ready


def padded(folder: Path, size: int) -> Path:
    """A valid MP4 of about `size` bytes: the clip and then one `free` box, which players skip (ISO 14496-12, 8.1.2)."""
    target = folder / f"padded-{size}.mp4"
    if not target.exists():
        making = folder / f".padded-{size}-{os.getpid()}"
        clip = (folder / "clip.mp4").read_bytes()
        padding = max(size - len(clip), 16)
        with making.open("wb") as file:
            file.write(clip + (1).to_bytes(4, "big") + b"free" + padding.to_bytes(8, "big"))
            file.truncate(len(clip) + padding)
        making.rename(target)
    return target
