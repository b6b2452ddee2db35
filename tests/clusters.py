"""Clusters as people run them by hand: a process for each server and client, on free ports."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayou.cluster.config import Config, read_config
from bayou.families.chat.service import delivered_in
from bayou.families.log.machines import keeping
from bayou.host.keeper import Keeper
from bayou.paxos.log.ledger import Ledger
from bayou.paxos.log.messages import Command
from bayou.paxos.log.options import LogOptions
from bayou.paxos.log.snapshots import unpack
from bayou.storage.logfiles import LogFiles
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 60.0
BAYOU = [sys.executable, "-m", "bayou", "chat"]


def chat(*arguments: str, cwd: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command of chat to its end."""
    return subprocess.run(
        [*BAYOU, *arguments], cwd=cwd, input=given, capture_output=True, timeout=PATIENCE_S, check=False
    )


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Return ports at which nobody listens, none of them twice."""
    sockets = [socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) for _ in range(count)]
    try:
        for each in sockets:
            each.bind((host, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Cluster:
    """A folder with a configuration, and what runs of it."""

    def __init__(self, folder: Path, *options: str, host: str = "127.0.0.1", **fields: Any) -> None:
        """``options`` are those of ``bayou chat config``; ``fields`` are written into the file by hand."""
        self.folder = folder
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        self.clients: list[Client] = []
        self._ballot = (0, -1)
        self._read: dict[int, int] = {}
        done = chat("config", "--host", host, *options, cwd=folder)
        assert done.returncode == 0, done.stderr
        plain = json.loads(self.path.read_text())
        for server, port in zip(plain["servers"], free_ports(len(plain["servers"]), host), strict=True):
            server["port"] = port
        self.path.write_text(json.dumps({**plain, **fields}, indent=1))

    @property
    def path(self) -> Path:
        return self.folder / "cluster.json"

    @property
    def config(self) -> Config:
        return read_config(str(self.path))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.end_now()
        for server in self.servers.values():
            server.kill()
        for server in self.servers.values():
            server.wait()

    # Servers.

    def start(self, id: int, *arguments: str, is_awaited: bool = True) -> None:
        """Start a server, and wait until it listens."""
        before = self.told(id).count(": listens at")
        with self.log(id).open("ab") as log:
            self.servers[id] = subprocess.Popen(
                [*BAYOU, "serve", "--config", "cluster.json", "--id", str(id), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        if is_awaited:
            wait_until(lambda: self.told(id).count(": listens at") > before, PATIENCE_S)

    def start_all(self) -> None:
        for id in range(len(self.config.servers)):
            self.start(id, is_awaited=False)
        for id in range(len(self.config.servers)):
            self.wait_told(id, ": listens at")

    def log(self, id: int) -> Path:
        return self.folder / f"server-{id}.err"

    def told(self, id: int) -> str:
        """Return all that a server has said on standard error."""
        return self.log(id).read_text(errors="replace") if self.log(id).exists() else ""

    def wait_told(self, id: int, text: str) -> None:
        wait_until(lambda: text in self.told(id), PATIENCE_S)

    def kill(self, id: int) -> None:
        """Kill a server at once."""
        server = self.servers.pop(id)
        server.kill()
        server.wait()

    def stop(self, id: int, number: int = signal.SIGTERM) -> int:
        """End a server in good order; return its exit status."""
        server = self.servers.pop(id)
        server.send_signal(number)
        return server.wait(PATIENCE_S)

    def ballot(self) -> tuple[int, int]:
        """Return the highest ballot in which a server was said to lead: its number and the server."""
        for id in range(len(self.config.servers)):
            if not self.log(id).exists():
                continue
            with self.log(id).open("rb") as log:
                log.seek(self._read.get(id, 0))
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[id] = self._read.get(id, 0) + len(whole)
            for number, server in re.findall(rb"leads, in ballot (\d+)\.(\d+)", whole):
                self._ballot = max(self._ballot, (int(number), int(server)))
        return self._ballot

    def leader(self) -> int | None:
        """Return who leads, as far as was said, None where that one does not run."""
        return self.ballot()[1] if self.ballot()[1] in self.servers else None

    # Clients.

    def client(self, *arguments: str) -> Client:
        """Start a client, whose input can be typed."""
        client = Client(self.folder, len(self.clients), *arguments)
        self.clients.append(client)
        return client

    def say(self, *lines: str, arguments: tuple[str, ...] = ()) -> list[str]:
        """Let a client say these lines and wait until all is delivered; return its view."""
        given = "".join(f"{line}\n" for line in lines).encode()
        done = chat("client", "--config", "cluster.json", *arguments, cwd=self.folder, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "surrogateescape").splitlines()

    def view(self, count: int) -> list[str]:
        """Return the view of somebody who comes anew, once it has so many lines."""
        client = self.client()
        client.wait_for(count)
        assert client.end() == 0
        return client.view()

    # What is on disk.

    def kept(self, id: int) -> tuple[dict[int, Any], list[tuple[int, int, str]], int]:
        """Return what a server that does not run keeps: what is decided, by slot, from its snapshot on; the
        messages delivered before; the first slot that it does not know decided."""
        config = self.config
        owner = f"server {id} of {len(config.servers)} of chat {config.name}"
        keeper = Keeper(LogFiles(f"{self.path}.d/{id}", owner, may_make=False), keeping())
        try:
            ledger = Ledger(range(len(config.servers)), LogOptions(None, None), keeper.read())
        finally:
            keeper.close()
        state = [] if ledger.snapshot is None else delivered_in(unpack(ledger.snapshot.text).state)
        return dict(ledger.decided), state, ledger.first

    def delivered(self, id: int) -> list[tuple[int, int, str]]:
        """Return all messages that a server that does not run has delivered: slot, sender, text."""
        decided, messages, first = self.kept(id)
        return messages + list(delivered_of(decided, first, messages))


def delivered_of(
    decided: dict[int, Any], first: int, before: list[tuple[int, int, str]]
) -> Iterator[tuple[int, int, str]]:
    """Give out the messages in the slots below ``first``, none of them twice."""
    counts: dict[int, int] = {}
    for _, client, _ in before:
        counts[client] = counts.get(client, 0) + 1
    for slot in sorted(slot for slot in decided if slot < first):
        value = decided[slot]
        if isinstance(value, Command) and value.number > counts.get(value.client, 0):
            counts[value.client] = value.number
            yield slot, value.client, value.text


class Client:
    """A client that runs."""

    def __init__(self, folder: Path, number: int, *arguments: str) -> None:
        self.out = folder / f"client-{number}.out"
        self.err = folder / f"client-{number}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*BAYOU, "client", "--config", "cluster.json", *arguments],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )

    def type(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def view(self) -> list[str]:
        """Return the whole lines of its view so far."""
        text = self.out.read_text(errors="surrogateescape")
        return text[: text.rfind("\n") + 1].splitlines()

    def wait_for(self, count: int) -> list[str]:
        """Wait until its view has so many lines."""
        wait_until(lambda: len(self.view()) >= count, PATIENCE_S)
        return self.view()

    def end(self) -> int:
        """End its input; return the exit status once it has ended."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it by a signal; return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.end_now()
        return status

    def end_now(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None and not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass


def texts(view: list[str]) -> list[str]:
    """Return the texts in a view."""
    return [line.split(": ", 1)[1] for line in view]
