"""Servers that last, as people run them: processes of `bayou serve` on free ports, and clients that ask
them."""

from __future__ import annotations

import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from bayou.core.values import text_of, text_value
from bayou.host.caller import Caller, CallFailed
from bayou.host.messages import AskPosition, Position
from bayou.host.secrets import read_secrets
from bayou.net.address import parse
from bayou.node.asks import Stand, Stands
from bayou.node.messages import Answer, Ask, Get, Got, Put, Request
from tests.clusters import free_ports
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.machine.messages import Message
    from bayou.net.tls import Tls

PATIENCE_S = 60.0
BAYOU = [sys.executable, "-m", "bayou"]


def bayou(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*BAYOU, *arguments], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def _limit(limits: dict[int, int]) -> None:
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


class Served:
    """One server: its file, its address, and its process while it runs. ``within``: what to put before its
    command, such as what lets it run in a network of its own."""

    def __init__(
        self,
        folder: Path,
        name: str,
        host: str = "127.0.0.1",
        port: int | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.name = name
        self.within = within
        self.host = host
        self.port = free_ports(1, host)[0] if port is None else port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / f"{self.name}.bayou"

    @property
    def secret(self) -> Path:
        return self.folder / f"{self.name}.bayou-secret"

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(
        self,
        *options: str,
        is_awaited: bool = True,
        is_given_secret: bool = True,
        limits: dict[int, int] | None = None,
    ) -> Served:
        """Start it, and wait until it serves; one that joins others is given a copy of the first one's
        secret."""
        first = self.folder / "a.bayou-secret"
        if is_given_secret and "--secret-file" not in options and first.exists() and not self.secret.exists():
            shutil.copy(first, self.secret)
        before = self.lines().count("serving ")
        with self.out.open("ab") as out, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.within,
                    *BAYOU,
                    "serve",
                    "--data",
                    self.data.name,
                    "--listen",
                    self.address,
                    "--log-level",
                    "debug",
                    *options,
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                preexec_fn=None if limits is None else lambda: _limit(limits),  # noqa: PLW1509
            )
        if is_awaited:
            wait_until(lambda: self.lines().count("serving ") > before or self.has_ended, PATIENCE_S)
            assert not self.has_ended, self.told()
        return self

    @property
    def out(self) -> Path:
        return self.folder / f"{self.name}.out"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.err"

    def lines(self) -> str:
        """Return what it has printed."""
        return self.out.read_text() if self.out.exists() else ""

    def told(self) -> str:
        """Return what it has said on standard error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_told(self, text: str, count: int = 1) -> None:
        """Wait until it has said that so often."""
        wait_until(lambda: self.told().count(text) >= count, PATIENCE_S)

    @property
    def called(self) -> str:
        """The name that it had when it served last."""
        return str(re.findall(r"name=(<[\d,]*>)", self.lines())[-1])

    @property
    def cluster(self) -> str:
        """The cluster that it belonged to when it served last."""
        return str(re.findall(r"cluster=(\w+)", self.lines())[-1])

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def wait(self) -> int:
        """Wait until it has ended by itself; return its exit status."""
        assert self.process is not None
        status = self.process.wait(PATIENCE_S)
        self.process = None
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in good order; return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """Kill it at once."""
        if self.process is not None:
            self.process.kill()
            self.wait()

    def call(self, secret: Path | None = None, tls: Tls | None = None, cluster: str = "") -> Caller:
        """Connect to it as a client."""
        secrets = read_secrets(str(secret or self.secret))
        return Caller(parse(self.address), secrets[0], tls=tls, cluster=cluster)

    def ask(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a command that asks it something."""
        return bayou(verb, self.address, "--secret-file", str(self.secret), *options, cwd=self.folder)

    def stats(self) -> dict[str, str]:
        """Return what it tells of itself, by the first word of each line."""
        done = self.ask("stats")
        assert done.returncode == 0, done.stderr
        return dict(line.split(" ", 1) for line in done.stdout.splitlines())

    def session(self, tls: Tls | None = None) -> Session:
        return Session(self.call(tls=tls))

    def position(self) -> Position:
        """Return where it stands."""
        with self.call() as caller:
            answer = caller.ask(AskPosition(1), lambda message: isinstance(message, Position))
            assert isinstance(answer, Position)
            return answer

    def stand(self) -> Stands:
        """Return what it tells sessions of where it stands."""
        with self.session() as session:
            reply = session.ask(Stand()).reply
            assert isinstance(reply, Stands)
            return reply

    def put(self, key: str, value: str) -> Answer:
        with self.session() as session:
            return session.put(key, value)

    def get(self, key: str) -> str | None:
        with self.session() as session:
            return session.get(key)


class Session:
    """A client with a session of its own, which asks no guarantees."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.id = SystemRandom().getrandbits(62)
        self.number = 0

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.caller.close()

    def put(self, key: str, value: str) -> Answer:
        return self.ask(Put("notes", key, text_value(value)))

    def get(self, key: str) -> str | None:
        reply = self.ask(Get("notes", key)).reply
        value = reply.value if isinstance(reply, Got) else None
        return None if value is None else text_of(value)

    def ask(self, what: Ask) -> Answer:
        self.number += 1
        request = Request(self.id, self.number, what, None, None)
        answer = self.caller.ask(request, self._is_answer, PATIENCE_S)
        assert isinstance(answer, Answer)
        return answer

    def _is_answer(self, message: Message) -> bool:
        return isinstance(message, Answer) and (message.session, message.number) == (self.id, self.number)


class Servers:
    """Servers a, b, c, ... in one folder; all processes are gone when it is left."""

    def __init__(self, folder: Path, count: int, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.all = [Served(folder, "abcdefgh"[at], host) for at in range(count)]

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.all:
            server.kill()

    def __getitem__(self, at: int) -> Served:
        return self.all[at]

    def start_all(self, *options: str) -> None:
        """Start the first, and let the others join it."""
        for server in self.all:
            joins = () if server is self[0] else ("--join", self[0].address)
            server.start(*joins, *options)

    def wait_level(self) -> None:
        """Wait until all that run stand at the same place, with nothing tentative if the primary is there."""
        wait_until(self.are_level, PATIENCE_S)

    def are_level(self) -> bool:
        try:
            places = [server.position() for server in self.all if server.process is not None]
        except CallFailed:
            return False
        return all(place.csn == places[0].csn and place.vector == places[0].vector for place in places)
