"""`serve`: the embedded servers and the hub's own processes, started, watched and stopped together; serves nothing itself.

Single-threaded and without asyncio on purpose: the kernel ties each child's life to the thread that started it, and
this process has to stay small and to outlast whatever its children do.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess  # nosec B404 # our own programs only, never a shell
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.announcer import Announcer
from medianest_hub.infrastructure.children import Backoff, Child, outcome
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.embedded.server import EmbeddedServer
from medianest_hub.infrastructure.embedded.services import EmbeddedServices
from medianest_hub.infrastructure.exits import EXIT_OPERATOR, EXIT_SCHEMA_BEHIND, OperatorError
from medianest_hub.infrastructure.listening import answers_ready, check_free, web_address
from medianest_hub.infrastructure.quarantine import Quarantine
from medianest_hub.settings import LoadedSettings

_PROGRAM = (sys.executable, "-P", "-m", "medianest_hub")
_READY_POLL = 0.025
_TICK = 5.0
_MIGRATION_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Commands:
    """The command line of each child."""

    web: Sequence[str] = (*_PROGRAM, "serve", "--role", "web")
    worker: Sequence[str] = (*_PROGRAM, "worker")
    migrate: Sequence[str] = (*_PROGRAM, "migrate")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for children to end, for one plugin's import, before the first restart."""

    grace: float = 15.0
    loading: float = 30.0
    first_pause: float = 0.5


@dataclass(slots=True)
class _Watched:
    """An embedded server and when it is to be started again."""

    server: EmbeddedServer
    backoff: Backoff
    started: float
    seen_ready: bool = False
    due: float | None = None


def run(loaded: LoadedSettings) -> int:
    """Run the whole hub until SIGTERM or Ctrl-C. Exit code: 0, or 2 when the operator must act (one line was printed)."""
    return Supervisor(loaded).run()


class Supervisor:
    """One run of `serve`. `run` may be called once, from the main thread."""

    def __init__(
        self, loaded: LoadedSettings, commands: Commands | None = None, patience: Patience | None = None
    ) -> None:
        self._settings = loaded.settings
        self._patience = patience or Patience()
        self._say = Announcer(self._settings.log.format)
        self._data = DataDir(self._settings.data_dir)
        self._quarantine = Quarantine(self._data.quarantine)
        commands = commands or Commands()
        self._web, self._worker, self._migrate = (
            Child(name, command, self._data, self._patience.first_pause)
            for name, command in (("web", commands.web), ("worker", commands.worker), ("migrate", commands.migrate))
        )
        self._environment = {**os.environ, "MEDIANEST_SUPERVISED": "1", "PYTHONUNBUFFERED": "1"}
        if loaded.config_file:
            self._environment["MEDIANEST_CONFIG"] = str(loaded.config_file)
        self._services: EmbeddedServices | None = None
        self._servers: list[_Watched] = []
        self._signals = 0
        self._exit_code: int | None = None
        self._migrations = 0
        self._ready = False
        self._wakeup = -1
        self._began = time.monotonic()

    def run(self) -> int:
        """Start all, watch until told to stop, stop all; returns the exit code."""
        with self._listening_to_signals():
            lock: processes.LockFile | None = None
            try:
                try:
                    self._data.prepare()
                    lock = self._data.lock()
                    self._begin()
                except OSError as error:
                    raise OperatorError(f"the hub cannot be started: {error}") from error
                while not self._stopping:
                    self._wait()
                    self._look()
            except OperatorError as error:
                self._say.error(str(error))
                self._exit_code = EXIT_OPERATOR
            finally:
                self._end()
                if lock:
                    lock.release()
        return self._exit_code or 0

    @property
    def _stopping(self) -> bool:
        return self._signals > 0 or self._exit_code is not None

    @property
    def _children(self) -> tuple[Child, Child, Child]:
        return self._web, self._worker, self._migrate

    def _begin(self) -> None:
        if self._settings.database.url is not None and self._settings.secret_key is None:
            # A key is made only beside a database that is made with it: others share this one, and its key.
            raise OperatorError(
                "database.url is set, so secret_key must be too (MEDIANEST_SECRET_KEY or MEDIANEST_SECRET_KEY_FILE); "
                "make one with `openssl rand -hex 32` and keep it"
            )
        for child in self._children:
            if not child.gone(wait=30.0, cancelled=lambda: self._stopping) and not self._stopping:
                raise OperatorError(f"a {child.name} process of an earlier run is still there; end it and start again")
        for section, where in (("server", self._settings.server), ("worker", self._settings.worker)):
            check_free(where.host, where.port, section)
        self._services = EmbeddedServices(self._settings, self._data)
        is_new = self._services.prepare()
        self._environment |= self._services.environment()
        self._services.start(cancelled=lambda: self._stopping)
        if is_new:
            self._services.wait_ready(cancelled=lambda: self._stopping)
        now = time.monotonic()
        self._servers = [
            _Watched(server, Backoff(self._patience.first_pause), now, seen_ready=is_new)
            for server in self._services.servers
        ]
        # On later starts the processes load while the database does: both take their time, and they wait for it.
        for child in (self._migrate,) if is_new else (self._web, self._worker):
            child.due = now

    def _wait(self) -> None:
        """Until a signal (also of a child's end), or until something is due."""
        now = time.monotonic()
        moments = [now + min(_TICK, self._patience.loading / 2)]  # for a journal that stays
        moments += [child.due for child in self._children if child.due is not None]
        moments += [watched.due for watched in self._servers if watched.due is not None]
        if not all(watched.seen_ready for watched in self._servers) or (self._web.process and not self._ready):
            moments.append(now + min(1.0, max(_READY_POLL, (now - self._began) / 50)))
        self._sleep(max(0.0, min(moments) - now))

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wakeup], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                while os.read(self._wakeup, 4096):
                    pass

    def _look(self) -> None:
        while not self._stopping and (ended := processes.ended_child()) is not None:
            self._reap(ended)
        now = time.monotonic()
        for watched in self._servers:
            watched.seen_ready = watched.seen_ready or watched.server.ready()
            if watched.due is not None and watched.due <= now:
                self._restart_server(watched)
        for child in self._children:
            if self._stopping:
                return
            if child.due is not None and child.due <= now:
                self._start_child(child)
            if child.process and (plugin := child.hangs(self._patience.loading)):
                self._say.notice(f"{child.name} hangs while importing the plugin {plugin}; ending it", "error")
                child.hung = True
                processes.end_group(child.process)
        self._look_for_readiness()

    def _start_child(self, child: Child) -> None:
        try:
            child.start(self._environment)
        except OSError as error:  # no memory, no process to be had, a full disk: that passes
            self._say.notice(
                f"{child.name} could not be started: {error}; trying again in {child.pause():g} s", "error"
            )

    def _look_for_readiness(self) -> None:
        server = self._settings.server
        if self._web.process and not self._ready and answers_ready(server.host, server.port):
            self._ready = True
            self._migrations = 0
            self._say.line(f"MediaNest Hub is ready at {web_address(server.host, server.port)}")

    def _reap(self, pid: int) -> None:
        for child in self._children:
            if child.process and child.process.pid == pid:
                code = _finish(child.process)
                child.process = None
                self._child_ended(child, code)
                return
        for watched in self._servers:
            if watched.server.process and watched.server.process.pid == pid:
                self._server_ended(watched, _finish(watched.server.process))
                return
        os.waitpid(pid, 0)  # as process 1 of a container we are given the orphans of others

    def _child_ended(self, child: Child, code: int) -> None:
        if self._shut_away_culprit(child, code):  # first: a plugin may exit with any code, ours too
            child.backoff.reset()
            child.due = time.monotonic()
        elif child is self._migrate and code == 0:
            self._web.due = self._worker.due = time.monotonic()
        elif code == EXIT_OPERATOR and all(watched.server.ready() for watched in self._servers):
            self._exit_code = EXIT_OPERATOR  # it has said why; had it missed a server of ours, that would be our affair
        elif code == EXIT_SCHEMA_BEHIND and child is not self._migrate:
            self._schema_behind()
        elif child is self._migrate and self._count_migration() > _MIGRATION_ATTEMPTS:
            raise OperatorError(f"the database could not be migrated: migrate {outcome(code)}, see its lines above")
        else:
            pause = child.pause()
            self._say.notice(f"{child.name} {outcome(code)}; starting it again in {pause:g} s", "warning")

    def _shut_away_culprit(self, child: Child, code: int) -> bool:
        reason = f"{child.name} {'hung' if child.hung else outcome(code)} while importing it"
        try:
            plugin = child.journal.blame(self._quarantine, reason)
        except OSError as error:
            self._say.notice(f"{self._quarantine.path} cannot be written: {error}", "error")
            return False
        if plugin:
            cure = f"after repairing it, run: medianest plugins enable {plugin}"
            self._say.notice(f"the plugin {plugin} is in quarantine: {reason}; {cure}", "error")
        return plugin is not None

    def _count_migration(self) -> int:
        self._migrations += 1
        return self._migrations

    def _schema_behind(self) -> None:
        if self._settings.database.url is not None:
            raise OperatorError("the database's schema is older than this program; run: medianest migrate")
        if self._migrate.process or self._migrate.due is not None:
            return
        if self._count_migration() > _MIGRATION_ATTEMPTS:
            raise OperatorError("the database's schema is older than this program and migrating did not change that")
        for child in (self._web, self._worker):
            child.due = None
            if child.process:
                processes.stop(child.process, (signal.SIGTERM, self._patience.grace))
                child.process = None
        self._migrate.due = time.monotonic()

    def _server_ended(self, watched: _Watched, code: int) -> None:
        server = watched.server
        if repaired := server.repair():
            self._say.notice(repaired, "error")
            watched.due = time.monotonic()
        elif watched.seen_ready:
            words = f" ({said})" if (said := server.last_trouble()) else ""
            self._pause_server(watched, f"{outcome(code)}{words}")
        else:
            raise OperatorError(server.explain())

    def _restart_server(self, watched: _Watched) -> None:
        # Without waiting for the lock: what the dead one left may need a moment, and others need us meanwhile.
        try:
            started = watched.server.start(wait=0)
        except OSError as error:
            self._pause_server(watched, f"could not be started: {error}")
            return
        if started:
            watched.due, watched.started = None, time.monotonic()
        else:
            watched.due = time.monotonic() + 0.2

    def _pause_server(self, watched: _Watched, why: str) -> None:
        now = time.monotonic()
        pause = watched.backoff.after(now - watched.started)
        watched.started, watched.due = now, now + pause
        self._say.notice(f"{watched.server.name} {why}; starting it again in {pause:g} s", "error")

    def _end(self) -> None:
        """Stop everything: the processes side by side, then the servers, the database last."""
        running = [child.process for child in self._children if child.process]
        for process in running:
            process.terminate()
        limit = time.monotonic() + self._patience.grace
        asked = self._signals
        while [process for process in running if not processes.has_ended(process)]:
            if (left := limit - time.monotonic()) <= 0 or self._signals > asked:
                for process in running:
                    processes.end_group(process)
            self._sleep(max(0.01, min(left, 1.0)))
        for process in running:
            _finish(process)
        if self._services:
            self._services.stop()

    @contextmanager
    def _listening_to_signals(self) -> Iterator[None]:
        self._wakeup, written = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        before = {}
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                before[number] = signal.signal(number, self._note_signal)
        wakeup_before = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wakeup)
            os.close(written)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._signals += 1


def _finish(process: subprocess.Popen[bytes]) -> int:
    """Reap a child that has ended, and end what it left in its process group."""
    processes.end_group(process)
    return process.wait()
