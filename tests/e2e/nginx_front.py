"""A real nginx in front of a hub, set up as the documentation says; it tells which requests it passed on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.processes import RunAs
from medianest_hub.testing.hub import free_port

_DOCUMENTED = Path(__file__).parents[2] / "docs" / "operators" / "reverse-proxy.md"
_NOBODY = 65534
_MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format passed '$request_method $request_uri $upstream_status';
    access_log {folder}/passed passed;
    {site}
}}
"""


@dataclass(frozen=True)
class Front:
    """A running nginx on 127.0.0.1."""

    port: int
    folder: Path

    @property
    def passed(self) -> list[str]:
        """Method and address of each request that the hub was asked, as nginx saw it."""
        lines = (line.rsplit(" ", 1) for line in (self.folder / "passed").read_text(errors="replace").splitlines())
        return [request for request, status in lines if status != "-"]

    @property
    def words(self) -> str:
        """What it complained of."""
        return (self.folder / "log").read_text(errors="replace")


def documented_site(hub_port: int, port: int, below: str = "") -> str:
    """The documentation's configuration for these ports, without TLS; `below`: under that path, such as `/media`."""
    (site,) = re.findall(r"```nginx\n(.*?)```", _DOCUMENTED.read_text(), re.DOTALL)
    changed = site.replace("127.0.0.1:4000", f"127.0.0.1:{hub_port}")
    changed = changed.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} default_server;")
    changed = re.sub(r"\n *ssl_certificate.*", "", changed)
    if below:
        changed = changed.replace("location / {", f"location {below}/ {{")
        changed = changed.replace("proxy_pass http://medianest;", "proxy_pass http://medianest/;")
        assert f"location {below}/ {{" in changed
        assert changed.count("http://medianest/;") == 1
    assert f":{hub_port};" in changed
    assert f":{port} " in changed
    assert "ssl" not in changed
    return changed


@contextmanager
def nginx(folder: Path, hub_port: int, below: str = "") -> Iterator[Front]:
    """Run nginx with its files in `folder`, which must not exist, as an ordinary user; only from the main thread."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
    assert program is not None, "nginx is not here; `make test` installs it"
    folder.mkdir(mode=0o700)
    run_as = None
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
        run_as = RunAs(_NOBODY, _NOBODY)
    front = Front(free_port(), folder)
    site = documented_site(hub_port, front.port, below)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, site=site))
    (folder / "nginx.conf").chmod(0o644)
    with (folder / "log").open("wb") as log:
        process = processes.spawn(
            [program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"],
            death_signal=signal.SIGTERM,
            env={"PATH": os.environ.get("PATH", "")},
            run_as=run_as,
            output=log,
        )
    try:
        _wait(front, process)
        yield front
    finally:
        processes.stop(process, (signal.SIGTERM, 10.0))


def _wait(front: Front, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 10
    while True:
        assert process.poll() is None, front.words
        try:
            socket.create_connection(("127.0.0.1", front.port), timeout=1).close()
        except OSError:
            assert time.monotonic() < limit, front.words
            time.sleep(0.02)
        else:
            return
