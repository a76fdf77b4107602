"""The line to the parent: JSON lines out, JSON lines in, and the end of this process when the parent ends."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
from typing import Any

_GRACE_SECONDS = 5.0


class Channel:
    """`send` may be called from any thread. After the parent is gone `receive` raises `EOFError`."""

    def __init__(self) -> None:
        # yt-dlp and its children print where they like; what they print must not get among our lines.
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def listen(self) -> None:
        """Read from now on. A thread of its own: the parent's end must be noticed in the midst of a download too."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        data = b""
        while piece := os.read(0, 65536):
            *lines, data = (data + piece).split(b"\n")
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)
        os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer(_GRACE_SECONDS, os.killpg, (0, signal.SIGKILL))
        timer.daemon = True
        timer.start()

    def receive(self) -> dict[str, Any]:
        """The next line from the parent."""
        line = self._lines.get()
        if line is None:
            raise EOFError("the parent is gone")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise TypeError("a line must hold an object")
        return message

    def send(self, kind: str, **fields: object) -> None:
        """Tell the parent. Nobody there to hear it is no error: the end is near anyway."""
        data = json.dumps({"type": kind, **fields}, default=str).encode() + b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._out, data) :]
            except OSError:
                return
