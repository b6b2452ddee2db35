"""Random scenarios with faults, of families on a log: what these have in common. Each is a function of its
seed."""

from __future__ import annotations

import random

from bayou.families.log.knobs import is_free_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    class Family(Protocol):
        """What a family has clients do."""

        START: str
        WEIGHTS: Mapping[str, int]

        def lines(self, verb: str, making: Making) -> list[str]:
            """Return what comes of a verb of the family's own, nothing where it makes no sense now."""

        def ending(self, making: Making) -> list[str]:
            """Return what shows in the end what clients know."""


REST = "allClear"

WEIGHTS: Mapping[str, int] = {
    "use": 16, "burst": 3, "wait": 12, "crash": 3, "restart": 5, "crash soon": 4, "bomb": 3, "loss": 2,
    "duplicate": 2, "reorder": 2, "delay": 2, "calm": 2, "partition": 4, "heal": 3, "rest": 1, "show": 1,
    "majority lost": 1, "cascade": 1, "back and forth": 1,
}  # fmt: skip

LOSING = ("lossRate", "reorderRate", "delayUpTo", "crashServer", "crashSoon", "timeBombLeader", "partition")
"""Commands that make it right that somebody asks again."""

CALM = 0.15
"""The share of scenarios without any of these, in which nothing should have to be asked for twice."""

FAULTY = (
    "crash", "crash soon", "bomb", "loss", "reorder", "delay", "partition", "majority lost", "cascade",
    "back and forth",
)  # fmt: skip
STRANDED = 0.1
"""The share of scenarios, of those with three servers or more, that begin with something that a leader alone
has accepted, and that a later leader finds when others have gone on."""

FREE_ONLY = ("partition", "heal", "back and forth")
SOON_MS = (0, 1, 2, 3, 4, 6, 9, 15, 25, 60)
LONGEST_MS = 400


class Making:
    """One scenario on its way. It keeps track of what is there as far as that can be known: bombs kill
    leaders, and who leads is not known.

    - ``rng``: all is drawn from it; ``servers``, ``clients``: how many there are; ``down``: the servers that
      were killed, or may have been; ``gone``: the clients that were; ``sent``: a counter of what was sent.
    """

    def __init__(self, family: Family, seed: int) -> None:
        self.rng = rng = random.Random(f"{family.START} {seed}")
        self._family = family
        self.is_free = is_free_running(seed)
        self.servers = rng.choices((1, 2, 3, 4, 5, 7), (1, 1, 6, 2, 5, 1))[0]
        self.clients = rng.randint(1, 4)
        self.down: list[int] = []
        self.gone: list[int] = []
        self.sent = 0
        self._has_bombs = False
        self._weather: dict[str, None] = {}
        # Each scenario has tastes of its own: some are all partitions, others all crashes.
        weights = {**WEIGHTS, **family.WEIGHTS}
        self._weights = {verb: weight * rng.choice((0, 1, 1, 3)) for verb, weight in weights.items()}
        for verb in ("use", "wait"):
            self._weights[verb] = max(self._weights[verb], weights[verb])
        self._is_calm = rng.random() < CALM
        if self._is_calm:
            self._weights |= dict.fromkeys(FAULTY, 0)
        if not self.is_free:
            self._weights |= dict.fromkeys(FREE_ONLY, 0)

    @property
    def up(self) -> list[int]:
        """The servers that were not killed, as far as is known."""
        return [server for server in range(self.servers) if server not in self.down]

    @property
    def alive(self) -> list[int]:
        """The clients that were not killed."""
        return [client for client in range(self.clients) if client not in self.gone]

    def make(self, length: int) -> list[str]:
        """Return the lines: the last part ends all faults, brings all up, and has all come to rest."""
        made = [f"{self._family.START} {self.servers} {self.clients}"]
        if self.servers >= 3 and self.rng.random() < STRANDED and not self._is_calm:
            made += self._strand()
        verbs, weights = list(self._weights), list(self._weights.values())
        while len(made) < length:
            made += self._lines(self.rng.choices(verbs, weights)[0])
        made += [f"{name} 0" for name in self._weather]
        if self.is_free:
            made.append("heal")
        made.append(f"wait {max(SOON_MS)}")  # until then no crash is planned
        if self._has_bombs:  # whoever still bears one
            made += [f"crashServer {server}" for server in range(self.servers)]
        made += [f"restartServer {server}" for server in range(self.servers)]
        return [*made, REST, *self._family.ending(self)]

    def _lines(self, verb: str) -> list[str]:
        if verb in self._family.WEIGHTS:
            return self._family.lines(verb, self)
        makers: Mapping[str, Callable[[], list[str]]] = {
            "burst": self._burst, "wait": self._wait, "crash": self._crash, "restart": self._restart,
            "crash soon": self._crash_soon, "bomb": self._bomb, "calm": self._calm, "partition": self._part,
            "majority lost": self._lose_majority, "cascade": self._cascade, "back and forth": self._swing,
        }  # fmt: skip
        if verb in makers:
            return makers[verb]()
        if verb in ("use", "show"):
            return self._family.lines(verb, self)
        if verb == "rest":
            return [REST]
        return ["heal"] if verb == "heal" else [self._change_weather(verb)]

    def _use(self, count: int) -> list[str]:
        return [line for _ in range(count) for line in self._family.lines("use", self)]

    def _burst(self) -> list[str]:
        return self._use(self.rng.randint(3, 9))

    def _wait(self) -> list[str]:
        return [f"wait {self.rng.choice((1, 5, 20, 100, LONGEST_MS))}"]

    def _change_weather(self, verb: str) -> str:
        rng = self.rng
        name = "delayUpTo" if verb == "delay" else f"{verb}Rate"
        self._weather[name] = None
        amounts = (0, 1, 5, 50, 200) if verb == "delay" else (0, 0.05, 0.2, 0.5, 0.9)
        return f"{name} {rng.choice(amounts)}"

    def _calm(self) -> list[str]:
        weather, self._weather = self._weather, {}
        return [f"{name} 0" for name in weather]

    # Crashes.

    def _crash(self) -> list[str]:
        if not self.up:
            return []
        server = self.rng.choice(self.up)
        self.down.append(server)
        return [f"crashServer {server}"]

    def _restart(self) -> list[str]:
        if not self.down:
            if not self._has_bombs:
                return []
            return [f"restartServer {self.rng.randrange(self.servers)}"]
        return [f"restartServer {self.down.pop(self.rng.randrange(len(self.down)))}"]

    def _crash_soon(self) -> list[str]:
        """A crash in the middle of whatever comes next: a command, a take-over, a restart."""
        if not self.up:
            return []
        rng = self.rng
        server = rng.choice(self.up)
        then = rng.choice((self._use(rng.randint(1, 3)), self._crash(), self._restart(), []))
        if server not in self.down:
            self.down.append(server)
        return [f"crashSoon {server} {rng.choice(SOON_MS)}", *then]

    def _bomb(self) -> list[str]:
        self._has_bombs = True
        count = self.rng.choice((0, 1, 1, 2, 3, 4, 5, 6, 9))
        return [f"timeBombLeader {count}", *self._use(self.rng.randint(0, 3))]

    def _lose_majority(self) -> list[str]:
        """Half of all servers go, something is sent, and one comes back."""
        lines = [line for _ in range((self.servers + 1) // 2) for line in self._crash()]
        lines += self._use(2) + self.rng.choice(([], [REST], self._wait()))
        return [*lines, *self._restart()]

    def _cascade(self) -> list[str]:
        """One server after another crashes and comes back, so that leaders follow each other."""
        lines: list[str] = []
        for server in range(min(self.servers, 4)):
            lines += [*self._use(1), f"crashServer {server}", *self._wait(), f"restartServer {server}"]
            if server in self.down:
                self.down.remove(server)
        return lines

    def _strand(self) -> list[str]:
        """Server 0, which leads, dies with a command that it alone has accepted, and comes back when others
        have gone on."""
        own = self._family.lines("cut off", self) if self.is_free else []
        if own:
            return own
        lines = [*self._use(1), f"wait {LONGEST_MS}", "crashServer 1", "timeBombLeader 1", *self._use(1)]
        lines += [*self._family.lines("stranded", self), f"wait {LONGEST_MS}", *self._use(1)]
        lines += [f"wait {LONGEST_MS}", "restartServer 0", "crashServer 2", f"wait {LONGEST_MS}"]
        self._has_bombs = True
        self.down += [1, 2]
        return lines

    # Partitions.

    def _part(self) -> list[str]:
        if self.servers < 2:
            return []
        servers = list(range(self.servers))
        self.rng.shuffle(servers)
        at = self.rng.randint(1, self.servers - 1)
        return [f"partition {' '.join(map(str, servers[:at]))} | {' '.join(map(str, servers[at:]))}"]

    def _swing(self) -> list[str]:
        """Servers are cut off and come back, one after another, while something is sent."""
        lines: list[str] = []
        for _ in range(self.rng.randint(2, 4)):
            lines += [*self._part(), *self._use(1), *self._wait(), *self._use(1), "heal"]
        return lines
