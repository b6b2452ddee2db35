"""Random scenarios with faults, each a function of its seed: what an explorer runs."""

from __future__ import annotations

import random

from bayou._record import Record
from bayou.families.store.carriers import Carrier, carries
from bayou.families.store.changers import Changer, changes
from bayou.families.store.groupers import Grouper, groups

SONGS = ("a", "b", "c", "d")
MANY_SONGS = tuple("abcdefghijkl")
WEIGHTS = {
    "put": 14, "get": 10, "delete": 3, "move": 6, "wait": 12, "cut": 4, "mend": 4, "partition": 3, "heal": 2,
    "join": 3, "retire": 3, "crash": 3, "restart": 4, "loss": 3, "one way": 1, "duplicate": 2, "delay": 2,
    "reorder": 2, "skew": 1, "pause": 1, "start": 2, "stabilize": 1, "client": 1, "crash soon": 3,
    "burst": 3, "reunion": 2,
}  # fmt: skip

OF_LINKS = ("loss", "one way", "duplicate", "delay", "reorder")
LOSING = ("loss", "one way", "delay", "reorder")
"""What makes it right that somebody asks again: messages that are lost, overtaken or very late."""

OF_THE_PAST = {
    "truncate": 4, "fold": 2, "drop marks": 2, "drop incoming": 1, "left behind": 5, "newcomer": 2,
    "overtaken": 2,
}  # fmt: skip

FORGETTING = 0.6
"""The share of scenarios in which servers let go of their logs."""

CALM = 0.15
"""The share of scenarios without any of these, in which nothing should have to be asked for twice."""

FOR_ALL = 0.2
"""The share of faults of links that all links suffer, those of servers that join later included."""

CHAINS = 0.3
"""The share of scenarios whose servers stand in a line, so that what one writes reaches others by way of some
between, while that one has exchanges of its own."""

AGAIN = 0.3
"""The share of joins for which an id that was used before is used again, if there is one."""


class Shape(Record):
    """How random scenarios are made: one configuration for all campaigns, unless told otherwise.

    ``length``: commands in the middle part, whose faults end before the last part, in which everything is
    mended and has to come to rest.
    """

    length: int = 90
    servers_max: int = 6
    clients_max: int = 4


class Generator:
    """Makes one scenario: keeps track of what is there, so that most commands can be carried out."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self._rng = random.Random(f"workload {seed}")
        self._shape = shape
        self._servers: list[int] = []
        self._clients: list[int] = []
        self._down: list[int] = []
        self._retired: list[int] = []
        self._count = 0
        # Each scenario has tastes of its own: some are all partitions, others all crashes.
        self._weights = {verb: weight * self._rng.choice((0, 1, 1, 3)) for verb, weight in WEIGHTS.items()}
        self._songs: tuple[str, ...] = SONGS
        forgetting = random.Random(f"forgetting {seed}")  # other scenarios are as ever
        self._is_forgetting = forgetting.random() < FORGETTING
        if self._is_forgetting:
            self._songs = forgetting.choice((SONGS, MANY_SONGS))
            self._weights |= {
                verb: weight * self._rng.choice((0, 1, 2)) for verb, weight in OF_THE_PAST.items()
            }
        for verb in ("put", "get", "wait", "move"):
            self._weights[verb] = max(self._weights[verb], WEIGHTS[verb])
        if self._rng.random() < CALM:
            self._weights |= dict.fromkeys(LOSING, 0)
        self._is_chain = self._rng.random() < CHAINS
        if self._is_chain:
            self._weights |= {"partition": 0, "heal": 0}
        self._changer: Changer | None = None
        if changes(seed):
            self._changer = Changer(seed, clients=self._clients, songs=self._songs)
        self._carrier: Carrier | None = None
        if carries(seed):
            self._carrier = Carrier(
                seed,
                servers=self._servers,
                down=self._down,
                retired=self._retired,
                clients=self._clients,
                songs=self._songs,
                around=self._around,
            )
        self._grouper: Grouper | None = None
        if groups(seed):
            self._grouper = Grouper(
                seed,
                servers=self._servers,
                down=self._down,
                retired=self._retired,
                clients=self._clients,
                songs=self._songs,
                around=self._around,
                join=self._join,
            )

    def lines(self) -> list[str]:
        """Return the lines of the scenario."""
        rng = self._rng
        made = [self._join() for _ in range(rng.randint(2, 4))]
        if self._is_chain:
            made += [self._client(server) for server in self._servers]
        else:
            made += [self._client() for _ in range(rng.randint(1, 3))]
        if self._is_chain and rng.random() < 0.5:
            made.append("duplicate * * 100")
        if self._is_chain:
            pairs = [(a, b) for at, a in enumerate(self._servers) for b in self._servers[at + 2 :]]
            made += [f"breakConnection {a} {b}" for a, b in pairs]
        verbs, weights = list(self._weights), list(self._weights.values())
        carried = 0
        if self._grouper is not None:
            more = self._grouper.first_lines()
            carried, made = len(more), made + more
        while len(made) - carried < self._shape.length:
            made += self._lines(rng.choices(verbs, weights)[0])
            for other in (self._carrier, self._changer, self._grouper):
                more = [] if other is None else other.lines()
                carried += len(more)
                made += more
        if self._carrier is not None:
            made += self._carrier.last_lines()
        made += ["start", *(f"restartServer {server}" for server in sorted(self._down)), "heal", "stabilize"]
        return [
            *made,
            *self._looks(),
            "stabilize",
            *([] if self._changer is None else self._changer.last_lines()),
        ]

    def _looks(self) -> list[str]:
        """Return lines by which clients look at what has come of it all."""
        made = [f"get {client} {song}" for client in self._clients for song in SONGS[:2]]
        if self._changer is not None:
            made += self._changer.last_lines()
        if self._is_forgetting:
            for server in self._servers:
                made.append(f"restoreConnection {self._clients[0]} {server}")
                made += [f"get {self._clients[0]} {song}" for song in self._songs]
        if self._carrier is not None:
            made += self._carrier.last_lines()
        return made

    def _lines(self, verb: str) -> list[str]:
        """Return what comes of a verb: a line, none where it makes no sense now, or two that belong
        together."""
        if verb == "crash soon":
            return self._crash_soon()
        if verb == "burst":
            return [self._use("put") for _ in range(self._rng.randint(3, 9))]
        if verb == "reunion":
            return self._reunion()
        if verb == "left behind":
            return self._left_behind()
        if verb == "newcomer":
            return self._newcomer()
        if verb == "overtaken":
            return self._overtaken()
        line = self._line(verb)
        return [] if line is None else [line]

    def _reunion(self) -> list[str]:
        """Neighbours are cut off from each other, writes come on all sides, and all come together at once."""
        rng = self._rng
        pairs = [pair for pair in zip(self._servers, self._servers[1:], strict=False) if rng.random() < 0.8]
        writes = [self._use("put") for _ in range(rng.randint(4, 12))]
        writes.insert(rng.randrange(len(writes)), f"wait {rng.choice((1, 20, 100))}")
        rng.shuffle(pairs)
        return [
            *(f"breakConnection {a} {b}" for a, b in pairs),
            *writes,
            *(f"restoreConnection {a} {b}" for a, b in pairs),
            f"wait {rng.choice((1, 5, 20, 100))}",
        ]

    def _left_behind(self) -> list[str]:
        """A server is cut off, the others go on, and let go of their logs; then it comes back to one of them
        after another, and something goes wrong on the way."""
        rng = self._rng
        if len(self._servers) < 2:
            return []
        lone = rng.choice(self._servers)
        others = self._around(lone)
        lines = [f"breakConnection {lone} {other}" for other in others]
        lines += [self._use(rng.choice(("put", "put", "put", "delete"))) for _ in range(rng.randint(2, 9))]
        if rng.random() < 0.3 and len(self._servers) > 3:
            leaving = rng.choice([server for server in self._servers if server != lone])
            lines.append(self._leave("retire", leaving))
            others = [other for other in others if other != leaving]
        lines += self._pause_for_gossip()
        if rng.random() < 0.3:
            lines.append(f"foldLog {lone}")
        for other in others:
            if rng.random() < 0.9:
                lines.append(f"truncateLog {other}{rng.choice(('', '', self._some_csn()))}")
        for other in others:
            if rng.random() < 0.15:
                lines.append(f"dropMarks {other}{rng.choice(('', self._some_csn()))}")
        lines += [self._use("put") for _ in range(rng.randint(0, 4))]
        rng.shuffle(others)
        if others and rng.random() < 0.3:
            lines.append(f"truncateLog {others[0]}")  # so it stands on a newer base than the others
        for other in others[: rng.randint(1, 3)]:
            lines += self._back_to(lone, other)
            if rng.random() < 0.4:
                lines += self._visit(lone)
        return lines

    def _visit(self, server: int) -> list[str]:
        """A client comes to a server, reads and writes there."""
        client, song = self._rng.choice(self._clients), self._rng.choice(self._songs)
        use = self._use("put").split(" ", 2)
        return [f"restoreConnection {client} {server}", f"get {client} {song}", f"put {client} {use[2]}"]

    def _back_to(self, lone: int, other: int) -> list[str]:
        """A server that lacks much comes back to another one; and then?"""
        rng = self._rng
        soon = rng.choice((1, 2, 3, 4, 6, 8, 12, 16, 25, 40))
        crashing = rng.choice((lone, lone, other))
        mend = [f"restoreConnection {lone} {other}", f"wait {rng.choice((1, 2, 5, 10, 20, 50))}"]
        what = rng.random()
        if what < 0.2:
            return [*mend, f"breakConnection {lone} {other}"]
        if what < 0.6 and crashing in self._servers and len(self._servers) > 1:
            self._servers.remove(crashing)
            self._down.append(crashing)
            mended = [f"crashSoon {crashing} {soon}", *mend, f"wait {soon}"]
            return [*mended, *([] if rng.random() < 0.3 else [self._restart(crashing)])]
        if what < 0.65:
            return [*mend, f"dropIncoming {lone}"]
        if what < 0.75:
            return [mend[0], f"wait {rng.choice((1, 2, 3, 5, 8, 12))}", f"dropMarks {other}"]
        if what < 0.85:
            writes = [self._use(rng.choice(("put", "delete"))) for _ in range(rng.randint(1, 3))]
            more = rng.choice((f"foldLog {other}", f"truncateLog {other}", f"dropMarks {other}"))
            return [*mend, *writes, f"wait {rng.choice((1, 5, 20))}", f"truncateLog {other}", more]
        return mend

    def _newcomer(self) -> list[str]:
        """A server joins where logs are gone, and perhaps its creator goes, or crashes, or it does itself."""
        rng = self._rng
        if not self._servers or len(self._servers) + len(self._down) >= self._shape.servers_max:
            return []
        lines = [f"truncateLog {server}" for server in self._servers if rng.random() < 0.9]
        lines += [self._use("put") for _ in range(rng.randint(0, 2))]
        creator = min(self._servers)
        join = self._join()
        what = rng.random()
        if what < 0.4 and len(self._servers) > 2:
            crashing = rng.choice((creator, self._servers[-1]))
            self._servers.remove(crashing)
            self._down.append(crashing)
            return [*lines, f"crashSoon {crashing} {rng.choice((0, 1, 2, 3, 5, 8, 12, 20, 40))}", join]
        return [*lines, join]

    def _overtaken(self) -> list[str]:
        """Much is to be told to a server, and whoever tells it lets go of that in the middle."""
        rng = self._rng
        if len(self._servers) < 2:
            return []
        lone = rng.choice(self._servers)
        others = self._around(lone)
        writes = [self._use(rng.choice(("put", "put", "delete"))) for _ in range(rng.randint(3, 10))]
        lines = [*(f"breakConnection {lone} {other}" for other in others), *writes, *self._pause_for_gossip()]
        for other in others:
            lines += [f"restoreConnection {lone} {other}", f"wait {rng.choice((1, 2, 3, 5, 10))}"]
            lines += [f"truncateLog {server}" for server in (other, *others) if rng.random() < 0.7]
        return lines

    def _around(self, server: int) -> list[int]:
        """Return who may be connected to a server."""
        if not self._is_chain:
            return [other for other in self._servers if other != server]
        at = self._servers.index(server)
        return self._servers[max(at - 1, 0) : at] + self._servers[at + 1 : at + 2]

    def _pause_for_gossip(self) -> list[str]:
        return [f"wait {self._rng.choice((20, 100, 400, 1000))}"]

    def _some_csn(self) -> str:
        return f" {self._rng.randint(1, 40)}"

    def _restart(self, server: int) -> str:
        self._down.remove(server)
        self._come(server)
        return f"restartServer {server}"

    def _come(self, server: int) -> None:
        """List a server as one that is there, once. It may be so already: the last of all stays listed when
        it goes down, and one that retires and crashes may come back in two ways."""
        if server not in self._servers:
            self._servers.append(server)

    def _crash_soon(self) -> list[str]:
        """A crash in the middle of a join, a retirement or a request, of whoever takes part in it."""
        rng = self._rng
        verb = rng.choice(("join", "join", "retire", "retire", "put", "move"))
        line = self._line(verb)
        if line is None or not self._servers:
            return []
        server = rng.choice(self._servers)
        if verb == "join" and rng.random() < 0.5:
            server = self._servers[-1]
        if verb == "retire" and rng.random() < 0.5:
            server = int(line.split()[1])  # the one that is about to leave
        else:
            self._servers.remove(server)
        self._down.append(server)
        if not self._servers:
            self._servers.append(server)
        return [f"crashSoon {server} {rng.choice((0, 1, 2, 3, 4, 6, 9, 15, 25, 60))}", line]

    def _line(self, verb: str) -> str | None:
        rng = self._rng
        if verb in ("pause", "start", "stabilize", "heal"):
            return verb
        if verb == "wait":
            return f"wait {rng.choice((1, 5, 20, 100, 400))}"
        if verb in ("put", "get", "delete"):
            return self._use(verb)
        if verb == "join":
            return self._join() if len(self._servers) + len(self._down) < self._shape.servers_max else None
        if verb == "client":
            return self._client() if len(self._clients) < self._shape.clients_max else None
        if verb in OF_THE_PAST:
            return self._forget(verb)
        if verb == "move":
            return f"restoreConnection {rng.choice(self._clients)} {self._server()}"
        return self._fault(verb)

    def _forget(self, verb: str) -> str | None:
        if not self._servers:
            return None
        server = self._rng.choice(self._servers)
        if verb == "drop incoming":
            return f"dropIncoming {server}"
        csn = self._rng.choice(("", "", self._some_csn()))
        name = {"truncate": "truncateLog", "fold": "foldLog", "drop marks": "dropMarks"}[verb]
        return f"{name} {server}{csn}"

    def _fault(self, verb: str) -> str | None:
        rng = self._rng
        if verb == "restart":
            if not self._down:
                return None
            return self._restart(self._down[rng.randrange(len(self._down))])
        if len(self._servers) < 2:
            return None
        a: int | str
        b: int | str
        a, b = rng.sample(self._servers, 2)
        if self._is_chain and verb in ("cut", "mend"):
            at = rng.randrange(len(self._servers) - 1)
            a, b = self._servers[at : at + 2]
        if verb in OF_LINKS and rng.random() < 0.25:
            a, b = rng.sample([a, rng.choice(self._clients)], 2)
        if verb in OF_LINKS and rng.random() < FOR_ALL:
            a, b = rng.choice((("*", "*"), ("*", b), (a, "*")))
        if verb in ("retire", "crash"):
            return self._leave(verb, int(a))
        if verb == "partition":
            return self._partition()
        makes = {
            "cut": f"breakConnection {a} {b}",
            "mend": f"restoreConnection {a} {b}",
            "skew": f"skewClock {a} {rng.choice((1, 50, 3000))}",
            "delay": f"delay {a} {b} {rng.choice((0, 5, 50, 500))}",
            "one way": f"loss {a} {b} 100",
            "duplicate": f"duplicate {a} {b} {rng.choice((0, 10, 40, 100))}",
        }
        return makes.get(verb) or f"{verb} {a} {b} {rng.choice((0, 10, 40))}"

    def _leave(self, verb: str, server: int) -> str:
        self._servers.remove(server)
        if verb == "crash":
            self._down.append(server)
            return f"crashServer {server}"
        self._retired.append(server)
        return f"retireServer {server}"

    def _partition(self) -> str:
        servers = list(self._servers)
        self._rng.shuffle(servers)
        at = self._rng.randint(1, len(servers) - 1)
        return f"partition {' '.join(map(str, servers[:at]))} | {' '.join(map(str, servers[at:]))}"

    def _use(self, verb: str) -> str:
        client, song = self._rng.choice(self._clients), self._rng.choice(self._songs)
        if verb == "put":
            self._count += 1
            return f"put {client} {song} u{self._count}"
        return f"{verb} {client} {song}"

    def _join(self) -> str:
        if self._retired and self._rng.random() < AGAIN:
            server = self._retired.pop(self._rng.randrange(len(self._retired)))
        else:
            server = self._next_id()
        self._come(server)
        return f"joinServer {server}"

    def _client(self, server: int | None = None) -> str:
        client = self._next_id()
        self._clients.append(client)
        return f"joinClient {client} {self._server() if server is None else server}"

    def _server(self) -> int:
        return self._rng.choice([*self._servers, *self._down])

    def _next_id(self) -> int:
        self._count += 1
        return self._count


def scenario(seed: int, shape: Shape | None = None) -> list[str]:
    """Return the lines of the random scenario with this seed."""
    return Generator(seed, shape or Shape()).lines()
