"""The commit group in random scenarios: who is in it, what befalls its members, and changes made at the same
time."""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GROUPING = 1 / 3
"""The share of scenarios in which there are commit groups of several."""

OFTEN = 0.2
"""How often something of it comes after another command."""

SCENES = {
    "group": 5, "islands": 3, "crash": 4, "lose": 1, "leave": 2, "flicker": 4, "lone leader": 3, "rush": 3,
}  # fmt: skip

SIZES = (1, 2, 3, 3, 3, 3, 4, 5, 5)
"""How many members a group has, as far as there are so many servers."""

LOST_MAX = 2
"""How many servers are lost for good at most."""


def groups(seed: int) -> bool:
    """Return whether there are commit groups of several in the scenario with this seed."""
    return _stream(seed).random() < GROUPING


def _stream(seed: int) -> random.Random:
    return random.Random(f"grouping {seed}")


class Grouper:
    """Makes lines from a random stream of its own.

    The lists are the generator's own: which servers are there, are down, and have retired; who crashes is
    moved from one to the other. ``lost``: the ids of those that are down and do not come back. ``around``
    tells who may be connected to a server, ``join`` has one more join.
    """

    def __init__(
        self,
        seed: int,
        *,
        servers: list[int],
        down: list[int],
        retired: list[int],
        clients: Sequence[int],
        songs: Sequence[str],
        around: Callable[[int], list[int]],
        join: Callable[[], str],
    ) -> None:
        self._rng = _stream(seed)
        self._rng.random()
        self._servers = servers
        self._down = down
        self._retired = retired
        self._clients = clients
        self._songs = songs
        self._around = around
        self._join = join
        self._members: list[int] = []
        self._count = 0
        self.lost: list[int] = []

    def first_lines(self) -> list[str]:
        """Return what comes before all else: perhaps more servers, and mostly the first group."""
        rng = self._rng
        lines = [self._join() for _ in range(rng.choice((0, 0, 1, 1, 2)))]
        return [*lines, *(self._group() if rng.random() < 0.8 else [])]

    def lines(self) -> list[str]:
        """Return what comes after a command: mostly nothing."""
        rng = self._rng
        if len(self._servers) < 2 or not self._clients or rng.random() >= OFTEN:
            return []
        scene = rng.choices(list(SCENES), list(SCENES.values()))[0]
        makes = {
            "group": self._group, "islands": self._islands, "crash": self._crash, "lose": self._lose,
            "leave": self._leave, "flicker": self._flicker, "lone leader": self._lone_leader,
            "rush": self._rush,
        }  # fmt: skip
        return makes[scene]()

    def _group(self) -> list[str]:
        return [self._change(self._servers)]

    def _change(self, among: Sequence[int]) -> str:
        """A change to other members: quite others, or of a few of those there are, or of one."""
        rng = self._rng
        chosen = rng.sample(list(among), min(len(among), rng.choice(SIZES)))
        staying = [member for member in self._members if member in among and member not in chosen]
        if staying and rng.random() < 0.5:
            chosen[rng.randrange(len(chosen))] = rng.choice(staying)
        self._members = chosen
        return f"commitGroup {' '.join(map(str, chosen))}"

    def _write(self, server: int | None = None) -> list[str]:
        """A client writes, where it is or at a server that it comes to."""
        rng = self._rng
        self._count += 1
        client, song = rng.choice(self._clients), rng.choice(self._songs)
        use = f"put {client} {song} g{self._count}" if rng.random() < 0.85 else f"delete {client} {song}"
        return [use] if server is None else [f"restoreConnection {client} {server}", use]

    def _wait(self, *times: int) -> str:
        return f"wait {self._rng.choice(times or (1, 5, 20, 100, 400))}"

    def _islands(self) -> list[str]:
        """Two sides that do not know of each other: writes on both, and changes of the group on one or
        both."""
        rng = self._rng
        servers = rng.sample(self._servers, len(self._servers))
        at = rng.randint(1, len(servers) - 1)
        sides = servers[:at], servers[at:]
        lines = [f"partition {' '.join(map(str, sides[0]))} | {' '.join(map(str, sides[1]))}"]
        for side in sides:
            lines += self._write(rng.choice(side))
            if rng.random() < 0.6:
                lines.append(self._change(side if rng.random() < 0.7 else self._servers))
            if rng.random() < 0.5:
                lines.append(self._wait())
        leaving = rng.choice(servers)
        if rng.random() < 0.25 and len(self._servers) > 2:
            lines += self._retire(leaving)
        lines += self._write(rng.choice(self._servers)) if rng.random() < 0.5 else []
        return [*lines, "heal", self._wait()]

    def _retire(self, server: int) -> list[str]:
        self._servers.remove(server)
        self._retired.append(server)
        return [f"retireServer {server}"]

    def _one(self) -> int:
        """A server, a member as far as is known here where there is one."""
        members = [member for member in self._members if member in self._servers]
        return self._rng.choice(members or self._servers)

    def _crash(self) -> list[str]:
        """A member crashes at some moment of what follows, and comes back soon or later."""
        rng = self._rng
        server = self._one()
        lines = [f"crashSoon {server} {rng.choice((0, 1, 2, 3, 5, 8, 12, 20, 40, 300, 700))}"]
        self._servers.remove(server)
        self._down.append(server)
        for _ in range(rng.randint(1, 3)):
            lines += self._write(rng.choice(self._servers))
        lines.append(self._wait(5, 20, 100, 400, 1500))
        if rng.random() < 0.6:
            self._down.remove(server)
            self._servers.append(server)
            lines.append(f"restartServer {server}")
        return lines

    def _lose(self) -> list[str]:
        """A member is lost for good, and mostly another one takes its place."""
        rng = self._rng
        if len(self.lost) >= LOST_MAX or len(self._servers) < 3:
            return []
        server = self._one()
        self._servers.remove(server)
        self.lost.append(server)
        lines = [f"crashServer {server}"]
        if rng.random() < 0.7:
            lines += self._group()
        return lines

    def _leave(self) -> list[str]:
        """A member retires, perhaps while another change is being made."""
        rng = self._rng
        if len(self._servers) < 3:
            return []
        server = self._one()
        lines = self._group() if rng.random() < 0.4 else []
        return [*lines, *self._retire(server), *(self._group() if rng.random() < 0.3 else [])]

    def _flicker(self) -> list[str]:
        """Connections that are there for moments only, while writes come: exchanges break off."""
        rng = self._rng
        lines: list[str] = []
        for _ in range(rng.randint(2, 6)):
            one = self._one()
            others = self._around(one)
            if not others:
                return lines
            other = rng.choice(others)
            for _ in range(rng.randint(0, 3)):
                lines += self._write(rng.choice((one, other)))
            lines += [f"restoreConnection {one} {other}", self._wait(1, 2, 3, 4, 6, 9, 14, 30, 100)]
            if rng.random() < 0.8:
                lines.append(f"breakConnection {one} {other}")
        return lines

    def _lone_leader(self) -> list[str]:
        """A member is cut off from all but one or none, and from the others later: leaders come and go, and
        what one of them has proposed is known to few."""
        rng = self._rng
        lone = self._one()
        others = self._around(lone)
        kept = rng.sample(others, min(len(others), rng.choice((0, 1, 1, 2))))
        lines = [f"breakConnection {lone} {other}" for other in others if other not in kept]
        lines += self._write(lone)
        lines.append(self._wait(20, 100, 400, 700, 1500))
        lines += [f"breakConnection {lone} {other}" for other in kept if rng.random() < 0.7]
        for _ in range(rng.randint(1, 3)):
            lines += self._write(self._one())
        lines.append(self._wait(100, 400, 700, 1500))
        back = rng.sample(others, rng.randint(1, len(others))) if others else []
        return [*lines, *(f"restoreConnection {lone} {other}" for other in back), self._wait()]

    def _rush(self) -> list[str]:
        """Many writes at several servers."""
        lines: list[str] = []
        for _ in range(self._rng.randint(2, 7)):
            lines += self._write(self._rng.choice(self._servers))
        return lines
