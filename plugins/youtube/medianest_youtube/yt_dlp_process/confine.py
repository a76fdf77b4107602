"""Makes this process small and mortal: lowest priority, bounded files, ended with its parent; calls the kernel only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314, "riscv64": 30}
_BEST_EFFORT_LAST = (2 << 13) | 7


def confine(parent: int, max_file_bytes: int) -> None:
    """Do it. `parent` is the process that began us: if it is gone already, so are we. Raises `SystemExit` then."""
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
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = max_file_bytes if hard == resource.RLIM_INFINITY else min(max_file_bytes, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
