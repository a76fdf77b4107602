"""Makes this process small and mortal: low priority, bounded files and memory, ended with its parent; calls the kernel only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_RESERVE_BYTES = 8 << 20
_reserve: list[bytearray] = []
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314, "riscv64": 30}
_BEST_EFFORT_LAST = (2 << 13) | 7


def renounce() -> None:
    """Never gain privileges, by whatever is started. Holds for this thread and those after it: call it first."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def confine(parent: int, max_file_bytes: int, max_memory: int) -> None:
    """Do it, for this process and all it starts; `max_memory` is in bytes, for each of them; ffmpeg may have twice as much.

    `parent` is the process that began us: if it is gone already, so are we. Raises `SystemExit` then.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    os.umask(0o027)
    with contextlib.suppress(OSError):
        os.nice(10)
    if number := _IOPRIO_SET.get(platform.machine()):
        libc.syscall(number, 1, 0, _BEST_EFFORT_LAST)
    with contextlib.suppress(OSError):  # when memory runs out, a download goes before the hub does
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The last word on size: it holds for yt-dlp, for fragments and for ffmpeg, whatever lengths were promised.
    # Python ignores SIGXFSZ, so that writing more is an OSError (EFBIG) here; ffmpeg ends with an error of its own.
    _lower(resource.RLIMIT_FSIZE, max_file_bytes, max_file_bytes)
    # What a page unpacks to, or a manifest unfolds into. Not the address space: Deno reserves far more than it uses.
    _reserve.append(bytearray(_RESERVE_BYTES))
    _lower(resource.RLIMIT_DATA, max_memory, 2 * max_memory)


def breathe() -> None:
    """Make room in a full memory, to say why there is an end. Until the reserve is gone nothing can be allocated."""
    _reserve.clear()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


@contextlib.contextmanager
def twice_the_memory() -> Iterator[None]:
    """For what ffmpeg needs to encode a large picture; what is started meanwhile keeps it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _lower(which: int, wanted: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (min(wanted, limit), limit))
