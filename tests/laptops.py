"""The example programs as people run them: a folder for each machine, each command a process of its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served

PROGRAMS = Path(__file__).parent.parent / "examples" / "offline"
SYNC = ("sync", "--timeout", "200")
"""Patient, since other tests want the same processors."""


class Laptop:
    """A folder with the replica of one of the programs."""

    def __init__(self, folder: Path, app: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.app = app

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROGRAMS / f"{self.app}.py"), *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={name: value for name, value in os.environ.items() if name != self.app.upper()},
        )

    def __call__(self, *words: str, status: int = 0) -> list[str]:
        """Run a command that ends with this status, and no complaint; return the lines that it prints."""
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (status, ""), (words, done)
        return done.stdout.splitlines()

    def fails(self, *words: str, status: int = 1) -> str:
        """Run a command that fails; return what it says."""
        done = self.run(*words)
        assert (done.returncode, done.stdout) == (status, ""), (words, done)
        if status == 1:
            assert done.stderr.startswith(f"{self.app}: ")
            assert done.stderr.count("\n") == 1
        return done.stderr

    def sync(self, *words: str, status: int = 0) -> list[str]:
        """Sync; return the news, which is what stands after the first line."""
        first, *news = self(*SYNC, *words, status=status)
        assert first == "Synced."
        return news


def joined(tmp_path: Path, app: str, server: Served, *names: str) -> list[Laptop]:
    """Return the laptops of these people, which have all joined the server."""
    found = [Laptop(tmp_path / name, app) for name in names]
    for each in found:
        told = each("join", server.address, "--secret-file", str(server.secret))
        assert told == [f"{app}.bayou has joined {server.address}."]
    return found


class Serving:
    """A laptop that others can reach, as `bayou serve` with the file of its program."""

    def __init__(self, laptop: Laptop) -> None:
        self._served = Served(laptop.folder, laptop.app)

    def __enter__(self) -> str:
        self._served.start()
        return self._served.address

    def __exit__(self, *_: object) -> None:
        assert self._served.stop() == 0


class Machines:
    """What a page shows: lines such as ``ann$ rooms list``, each run in the folder ``ann``, with what is
    printed below it. Ports of the page are other ones here."""

    def __init__(self, folder: Path, ports: tuple[str, ...]) -> None:
        self._folder = folder
        self._ports = dict(zip(ports, map(str, free_ports(len(ports))), strict=True))
        self._servers: dict[str, list[subprocess.Popen[bytes]]] = {}
        words = {path.stem: [sys.executable, str(path)] for path in PROGRAMS.glob("*.py")}
        words["bayou"] = [sys.executable, "-m", "bayou"]
        self._setup = "".join(f'{name}() {{ {shlex.join(each)} "$@"; }}\n' for name, each in words.items())

    def close(self) -> None:
        for servers in self._servers.values():
            for server in servers:
                server.kill()
                server.wait()

    def turn(self, name: str, command: str) -> str:
        """Carry a line out; return what is printed, in the words of the page."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        for page, here in self._ports.items():
            command = command.replace(page, here)
        if command.endswith(" &"):
            self._serve(name, folder, command.removesuffix(" &"))
            return ""
        if command == "kill %1":
            server = self._servers[name].pop()
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE_S) == 0
            return ""
        done = subprocess.run(
            ["bash", "-c", self._setup + command],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        printed = done.stdout
        for page, here in self._ports.items():
            printed = printed.replace(here, page)
        return printed

    def _serve(self, name: str, folder: Path, command: str) -> None:
        words = shlex.split(command)
        assert words[0] == "bayou"
        out = folder / "served"
        with out.open("wb") as file, (folder / "serving.log").open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=log
            )
        self._servers.setdefault(name, []).append(server)
        wait_until(lambda: out.read_bytes().startswith(b"serving ") or server.poll() is not None, PATIENCE_S)
        assert server.poll() is None, (folder / "serving.log").read_text()


@contextmanager
def machines(folder: Path, *ports: str) -> Iterator[Machines]:
    found = Machines(folder, ports)
    try:
        yield found
    finally:
        found.close()
