"""Every order of events of a small scenario: deliveries, commands and crashes, as far as connections allow.

The scenario's leading joins and cuts are carried out first. After that a step is one of: the first message
on its way in one direction of a connection arrives; the next command is given, without waiting for the last.
So a crash comes at every moment, and commands run into each other. Time stands still: nothing is asked for
again, and periodic gossip does not happen, so what is reached by messages alone is reached.

A state is visited once: states are compared by what nodes hold and what is on its way, up to the names of
serials and tokens.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy

from bayou._record import Record
from bayou.check.history import History
from bayou.check.store import judge
from bayou.core.errors import BayouError, require
from bayou.core.name import Name
from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.core.vector import VersionVector
from bayou.core.write import Write
from bayou.explore.trial import AT_REST
from bayou.master.grammar import BadLine, parse
from bayou.master.vocabulary import COMMANDS
from bayou.node.client import Client
from bayou.node.gossip import Habits
from bayou.node.messages import Do, Join, Message, Retire
from bayou.node.server import Server, Settings
from bayou.node.session import SHORT_NAMES
from bayou.trace.events import VERSION
from bayou.worlds.simulated import Arrival, SimulatedWorld
from bayou.worlds.world import WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Step = tuple[int, int] | None

NEVER_S = 1e9
SUPPORTED = ("put", "delete", "get", "retireServer", "crashServer", "restartServer")


class Walked(Record):
    """What came of a walk: distinct states, how many of them were ends, whether all were reached, and the
    first path to something broken."""

    states: int
    ends: int
    complete: bool
    problem: str | None = None
    path: tuple[str, ...] = ()


class Maze:
    """A scenario whose steps can be taken in any order that makes sense. ``taken`` tells of each."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Carry out the leading joins; BadLine where the scenario has a command that a walk can't take."""
        began = {"event": "began", "version": VERSION, "guarantees": list(SHORT_NAMES)}
        self.events: list[dict[str, Any]] = [began]
        self.taken: list[str] = []
        self._rest: deque[tuple[str, tuple[str, ...]]] = deque()
        habits = Habits(period_s=NEVER_S, round_s=NEVER_S, patience_s=NEVER_S)
        settings = WorldSettings(habits=habits)
        self.world = SimulatedWorld(settings, server_settings=Settings(habits=habits), check=True)
        self.world.observe = self.observe
        self.world.complain = None
        for line in lines:
            self._take_in(line)
        self._run_dry()

    def observe(self, event: dict[str, Any]) -> None:
        """Take an event of the world."""
        self.events.append(event)

    def _take_in(self, line: str) -> None:
        parsed = parse(line.encode(), COMMANDS)
        if parsed is None:
            return
        name, fields = parsed.command.name, parsed.fields
        if name == "breakConnection" and not self._rest:
            self.world.disconnect(int(fields[0]), int(fields[1]))
        elif name in ("joinServer", "joinClient") and not self._rest:
            self._run_dry()
            if name == "joinClient":
                self.world.start_client(int(fields[0]), int(fields[1]))
            else:
                servers = self._servers()
                self.world.start_server(int(fields[0]), servers, Join(first=not servers), paused=False)
        elif name in SUPPORTED:
            self._rest.append((name, fields))
        else:
            raise BadLine(
                f"{name} can't be explored here: joins and cuts come first, then {', '.join(SUPPORTED)}"
            )

    def _servers(self) -> list[int]:
        return sorted(id for id, node in self.world.nodes.items() if isinstance(node, Server))

    def _run_dry(self) -> None:
        while flights := self.world.flights():
            self.world.deliver(flights[0])

    def steps(self) -> list[Step]:
        """Return what can happen next, in a fixed order: None for a command, or (receiver, sender)."""
        heads = dict.fromkeys(_direction(flight) for flight in self.world.flights())
        commands: list[Step] = [None] if self._rest else []
        return [*commands, *sorted(heads)]

    def take(self, step: Step) -> None:
        """Let one thing happen."""
        if step is None:
            name, fields = self._rest.popleft()
            self.taken.append(" ".join((name, *fields)))
            self._give(name, fields)
            self._let_clients_talk()
            return
        flight = next(flight for flight in self.world.flights() if _direction(flight) == step)
        message = getattr(flight.given, "message", None)
        self.taken.append(f"{type(message).__name__} from {step[1]} arrives at {step[0]}")
        self.world.deliver(flight)
        self._let_clients_talk()

    def _let_clients_talk(self) -> None:
        """What clients and servers say to each other arrives at once: no order with what servers say to each
        other is lost by that, as the commands themselves come at every moment."""
        while True:
            talk = [flight for flight in self.world.flights() if self._is_talk(flight)]
            if not talk:
                return
            self.world.deliver(talk[0])

    def _is_talk(self, flight: Arrival) -> bool:
        return any(isinstance(self.world.nodes.get(end), Client) for end in _direction(flight))

    def _give(self, name: str, fields: tuple[str, ...]) -> None:
        node, world = int(fields[0]), self.world
        if name == "restartServer":
            if node not in world.nodes and world.journals.get(node):
                world.restart(node, [peer for peer in sorted(world.nodes) if peer != node], paused=False)
                self.events.append({"event": "restarted", "server": node})
        elif node not in world.nodes:
            return
        elif name == "crashServer":
            world.crash(node)
            self.events.append({"event": "crashed", "server": node})
        elif name == "retireServer":
            world.order(node, Retire())
        else:
            value = text_value(fields[2]) if name == "put" else None
            world.order(node, Do(name, PLAYLIST, fields[1], value))

    def copy(self) -> Maze:
        """Return the same maze in the same state, to go another way from here. Events are shared, which
        nobody changes, and so is randomness, which only makes tokens."""
        memo: dict[int, Any] = {id(self.events): list(self.events), id(self.taken): list(self.taken)}
        shared = [self.world._rng, self.world.weather]
        shared += [node._rng for node in self.world.nodes.values() if isinstance(node, Server)]
        memo |= {id(each): each for each in shared}
        return deepcopy(self, memo)

    def check(self) -> None:
        """Raise BayouError where something is broken here; at an end, whatever the judge finds too."""
        require(not self.world.dropped, f"a connection was dropped: {self.world.dropped[:1]}")
        if self.steps():
            return
        servers = [id for id in self._servers() if not self.world.server(id).replica.retired]
        events = [*self.events, {"event": "settled", "groups": [servers] if servers else []}]
        for rule, verdict in judge(History.of(events)).items():
            if verdict.broken:
                why = AT_REST if rule == "level" else rule
                raise BayouError(f"{why}: {verdict.broken[0][1]}")

    def state(self) -> object:
        """Return what tells this state from others."""
        flights = [(_direction(flight), flight.given) for flight in self.world.flights()]
        flights.sort(key=lambda flight: flight[0])
        return _Freezer().freeze(
            (len(self._rest), sorted(self.world.nodes.items()), flights, sorted(self.world.journals.items()))
        )


def _direction(flight: Arrival) -> tuple[int, int]:
    return flight.node, getattr(flight.given, "peer", -1)


class _Freezer:
    """Turns objects into nested tuples that can be compared, names of serials and tokens left out."""

    NAMES = frozenset({"serial", "back", "token", "_token", "session", "_session_id", "key"})
    SKIPPED = frozenset(
        {
            "_server", "_exchanges", "_rng", "_effects", "now", "_now", "due", "wake_at", "_serial",
            "encoded", "_settings", "limits", "_habits", "_period_due", "_asked_at", "_on_message",
            "_on_order", "_timed", "_patience", "_decided", "_snapshot", "seen_item", "_turn", "_answered",
        }
    )  # fmt: skip

    def __init__(self) -> None:
        self._aliases: dict[object, int] = {}

    def freeze(self, value: object, name: str = "") -> object:
        if name in self.NAMES and isinstance(value, int):
            return ("alias", self._aliases.setdefault(value, len(self._aliases)))
        if value is None or isinstance(value, int | str | float):
            return value
        if isinstance(value, Name):
            return value.stamps
        if isinstance(value, VersionVector):
            return tuple(sorted((each.stamps, stamp) for each, stamp in value._entries.items()))
        if isinstance(value, Write):
            heir = value.value.stamps if isinstance(value.value, Name) else value.value
            return (value.stamp, value.server.stamps, value.kind, value.collection, value.key, heir)
        if isinstance(value, dict):
            return tuple(
                (self.freeze(key, _key_name(name)), self.freeze(each)) for key, each in value.items()
            )
        if isinstance(value, list | tuple | deque):
            return tuple(self.freeze(each) for each in value)
        if callable(value):
            return None
        return self._freeze_object(value)

    def _freeze_object(self, value: object) -> object:
        if hasattr(value, "__iter__") and not isinstance(value, Message):
            return tuple(self.freeze(each) for each in value)
        names = [*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())]
        parts: list[object] = [type(value).__name__]
        for name in sorted(dict.fromkeys(names)):
            if name not in self.SKIPPED and hasattr(value, name):
                parts += [name, self.freeze(getattr(value, name), name)]
        return tuple(parts)


def _key_name(of: str) -> str:
    """Return what the keys of a dict are: sessions and tokens are aliases too."""
    return "token" if of in ("_creations", "_answers", "_numbers") else ""


def walk(
    lines: Sequence[str], *, states_max: int = 100_000, progress: Callable[[int], None] = lambda states: None
) -> Walked:
    """Visit every state of a scenario, depth first, up to ``states_max`` of them."""
    seen: set[object] = set()
    stack = [Maze(lines)]
    ends = 0
    while stack:
        maze = stack.pop()
        state = maze.state()
        if state in seen:
            continue
        try:
            maze.check()
        except BayouError as error:
            return Walked(len(seen), ends, False, str(error), tuple(maze.taken))
        seen.add(state)
        progress(len(seen))
        if len(seen) >= states_max:
            return Walked(len(seen), ends, False)
        steps = maze.steps()
        ends += not steps
        for step in reversed(steps):
            then = maze.copy()
            try:
                then.take(step)
            except BayouError as error:
                return Walked(len(seen), ends, False, str(error), tuple(then.taken))
            stack.append(then)
    return Walked(len(seen), ends, True)
