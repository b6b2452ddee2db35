"""Somebody who carries files from server to server in random scenarios: again and again, and old ones too."""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CARRYING = 0.4
"""The share of scenarios in which somebody does."""

OFTEN = 0.15
"""How often something of it comes after another command."""

SCENES = {"export": 4, "import": 6, "island": 2, "passed by": 3}

FILES_MAX = 12
"""How many files there are before old ones are written over."""

FOR_SOMEBODY = 0.5
"""The share of files that leave out what a certain server had when it was last heard of."""


def carries(seed: int) -> bool:
    """Return whether somebody carries files in the scenario with this seed."""
    return _stream(seed).random() < CARRYING


def _stream(seed: int) -> random.Random:
    return random.Random(f"carrying {seed}")


class Carrier:
    """Makes lines from a random stream of its own: the other lines of a scenario are as if it were not.

    ``servers``, ``down``, ``retired`` and ``clients`` are the generator's own lists, ``around`` tells who may
    be connected to a server.
    """

    def __init__(
        self,
        seed: int,
        *,
        servers: list[int],
        down: list[int],
        retired: Sequence[int],
        clients: Sequence[int],
        songs: Sequence[str],
        around: Callable[[int], list[int]],
    ) -> None:
        self._rng = _stream(seed)
        self._rng.random()
        self._servers = servers
        self._down = down
        self._retired = retired
        self._clients = clients
        self._songs = songs
        self._around = around
        self._files: list[str] = []
        self._count = 0

    def lines(self) -> list[str]:
        """Return what comes after a command: mostly nothing."""
        rng = self._rng
        if not self._servers or rng.random() >= OFTEN:
            return []
        scene = rng.choices(list(SCENES), list(SCENES.values()))[0]
        if scene == "export":
            return [self._export(rng.choice(self._servers))]
        if scene == "import":
            return self._import()
        return self._island() if scene == "island" else self._passed_by()

    def last_lines(self) -> list[str]:
        """Return lines by which each file is taken in once more, by whoever it may be."""
        files = self._rng.sample(self._files, len(self._files))
        return [f"importWrites {self._rng.choice(self._servers)} {file}" for file in files if self._servers]

    def _export(self, server: int, reader: int | None = None) -> str:
        rng = self._rng
        if len(self._files) < FILES_MAX:
            self._files.append(f"f{len(self._files) + 1}")
            file = self._files[-1]
        else:
            file = rng.choice(self._files)
        if reader is None and rng.random() < FOR_SOMEBODY:
            reader = rng.choice([*self._servers, *self._down, *self._retired])
        return f"exportWrites {server} {file}{'' if reader is None else f' {reader}'}"

    def _import(self) -> list[str]:
        """A file is taken in, and perhaps its reader crashes in the middle."""
        rng = self._rng
        if not self._files:
            return []
        server = rng.choice(self._servers)
        lines = [f"importWrites {server} {rng.choice(self._files)}"]
        if rng.random() < 0.25 and len(self._servers) > 1:
            self._servers.remove(server)
            self._down.append(server)
            lines.insert(0, f"crashSoon {server} {rng.choice((0, 1, 2, 4, 8, 20, 40))}")
        return lines

    def _write(self, server: int) -> list[str]:
        """A client comes to a server and writes there."""
        rng = self._rng
        self._count += 1
        client, song = rng.choice(self._clients), rng.choice(self._songs)
        use = f"put {client} {song} v{self._count}" if rng.random() < 0.8 else f"delete {client} {song}"
        return [f"restoreConnection {client} {server}", use]

    def _wait(self) -> str:
        return f"wait {self._rng.choice((5, 20, 100, 400))}"

    def _island(self) -> list[str]:
        """A server is cut off from all others: files alone come and go, while logs are let go of."""
        rng = self._rng
        if len(self._servers) < 2 or not self._clients:
            return []
        lone = rng.choice(self._servers)
        others = [server for server in self._servers if server != lone]
        around = self._around(lone)
        lines = [f"breakConnection {lone} {other}" for other in around]
        first = len(self._files)
        for _ in range(rng.randint(1, 4)):
            for _ in range(rng.randint(1, 3)):
                lines += self._write(rng.choice(self._servers))
            if rng.random() < 0.5:
                lines.append(self._wait())
            if rng.random() < 0.4:
                lines.append(
                    f"truncateLog {rng.choice(others)}{rng.choice(('', '', f' {rng.randint(1, 40)}'))}"
                )
            lines.append(self._export(rng.choice(self._servers)))
        carried = [*self._files[first:], *rng.sample(self._files, min(2, len(self._files)))]
        rng.shuffle(carried)
        for file in carried:
            lines.append(f"importWrites {rng.choice((lone, lone, rng.choice(others)))} {file}")
            if rng.random() < 0.2:
                lines += self._write(lone)
            if rng.random() < 0.15:
                lines.append(f"truncateLog {rng.choice(self._servers)}")
        if rng.random() < 0.7:
            lines += [f"restoreConnection {lone} {other}" for other in around]
        return lines

    def _passed_by(self) -> list[str]:
        """A file that leaves out what one server has comes into the hands of another, which has that not."""
        rng = self._rng
        if len(self._servers) < 3 or not self._clients:
            return []
        writer = rng.choice(self._servers)
        near = self._around(writer)
        if not near:
            return []
        reader = rng.choice(near)
        other = rng.choice([server for server in self._servers if server not in (writer, reader)])
        pairs: list[tuple[int, int]] = []
        for server in (writer, reader, other):
            pairs += [(server, next) for next in self._around(server) if (next, server) not in pairs]
        pairs = [pair for pair in pairs if pair not in ((writer, reader), (reader, writer))]
        lines = [f"breakConnection {a} {b}" for a, b in pairs]
        for _ in range(rng.randint(1, 3)):
            lines += self._write(rng.choice((writer, writer, reader)))
        lines.append(self._wait())
        if rng.random() < 0.5:
            lines.append(f"breakConnection {writer} {reader}")
            pairs.append((writer, reader))
        for _ in range(rng.randint(1, 2)):
            lines += self._write(writer)
        lines.append(self._export(writer, reader))
        file = lines[-1].split()[2]
        for server in rng.sample((other, reader, other), rng.randint(1, 3)):
            lines.append(f"importWrites {server} {file}")
        if rng.random() < 0.3:
            lines += self._write(other)
        rng.shuffle(pairs)
        return [*lines, *(f"restoreConnection {a} {b}" for a, b in pairs)]
