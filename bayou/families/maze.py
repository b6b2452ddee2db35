"""A small scenario whose steps can be taken in any order: what a walk through every order of events goes
through. Families that can be walked derive theirs from this, in their module ``maze``.

The leading commands set the scene, and are carried out first. After that a step is one of: the first message
on its way in one direction of a connection arrives; the next command is given, without waiting for the last.
So a crash comes at every moment, and commands run into each other. Time stands still: nothing is asked for
again, so what is reached by messages alone is reached.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from random import Random

from bayou.core.errors import BayouError, require
from bayou.families.family import commands_of
from bayou.families.judging import judge
from bayou.script.grammar import BadLine, parse, shorten, split
from bayou.trace.file import VERSION
from bayou.worlds.simulated import SimulatedWorld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, ClassVar

    from bayou.families import Family
    from bayou.trace.file import Event
    from bayou.worlds.simulated import Arrival

    Step = tuple[int, int] | None


class Maze:
    """A scenario in a state. ``taken`` tells of each step that led there.

    A family says what can be done in its own:

    - ``FIRST``: the commands that set the scene, which ``set_up`` carries out; ``THEN``: those that ``give``
      gives, at any moment;
    - ``PLAIN``: what stands for objects of some classes where states are compared.
    """

    FIRST: ClassVar[tuple[str, ...]] = ()
    THEN: ClassVar[tuple[str, ...]] = ()
    PLAIN: ClassVar[Mapping[type, Callable[[Any], object]]] = {}

    def __init__(self, family: Family, lines: Sequence[str]) -> None:
        """Carry out the leading commands; BadLine where the scenario has one that a walk can't take."""
        self.events: list[Event] = [
            {"event": "began", "version": VERSION},
            {"event": "opened", "family": family.name},
        ]
        self.taken: list[str] = []
        self.rest: deque[tuple[str, tuple[str, ...]]] = deque()
        self.world = SimulatedWorld(check=True)
        self.world.observe = self.observe
        self.world.complain = None
        for line in lines:
            self._take_in(family, line)
        self.run_dry()

    # What a family says.

    def set_up(self, name: str, fields: tuple[str, ...]) -> None:
        """Carry out one of the commands that set the scene."""
        raise NotImplementedError

    def give(self, name: str, fields: tuple[str, ...]) -> None:
        """Give one of the other commands, without waiting for what comes of it; nothing where it makes no
        sense now."""
        raise NotImplementedError

    def ending(self) -> list[Event]:
        """Return what a trace that ends here has to say beside: that nothing can move any more, say."""
        return []

    # What a walk asks.

    def observe(self, event: Event) -> None:
        """Take an event of the world."""
        self.events.append(event)

    def _take_in(self, family: Family, line: str) -> None:
        words, commands = split(line.encode()), commands_of(family).COMMANDS
        if not words:
            return
        name = words[0]
        if name not in (*self.FIRST, *self.THEN):
            first, then = ", ".join(self.FIRST), ", ".join(self.THEN)
            raise BadLine(f"{shorten(name)} can't be explored here: {first} come first, then {then}")
        fields = parse(line.encode(), words, commands[name]).fields
        if name in self.THEN:
            self.rest.append((name, fields))
        elif self.rest:
            raise BadLine(f"{name} comes too late: {', '.join(self.FIRST)} come first")
        else:
            self.run_dry()
            self.set_up(name, fields)

    def run_dry(self) -> None:
        """Let all messages arrive that are on their way."""
        while flights := self.world.flights():
            self.world.deliver(flights[0])

    def steps(self) -> list[Step]:
        """Return what can happen next, in a fixed order: None for a command, or (receiver, sender)."""
        heads = dict.fromkeys(_direction(flight) for flight in self.world.flights())
        commands: list[Step] = [None] if self.rest else []
        return [*commands, *sorted(heads)]

    def take(self, step: Step) -> None:
        """Let one thing happen."""
        if step is None:
            name, fields = self.rest.popleft()
            self.taken.append(" ".join((name, *fields)))
            self.give(name, fields)
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
        ends = [self.world.nodes.get(end) for end in _direction(flight)]
        return any(node is not None and not node.is_server for node in ends)

    def copy(self) -> Maze:
        """Return the same maze in the same state, to go another way from here. Events are shared, which
        nobody changes, and so is randomness, which only makes tokens."""
        memo: dict[int, Any] = {id(self.events): list(self.events), id(self.taken): list(self.taken)}
        memo |= {id(each): each for each in self.shared()}
        return deepcopy(self, memo)

    def shared(self) -> list[object]:
        """Return what all copies share."""
        shared: list[object] = [self.world._rng, self.world.weather]
        for node in self.world.nodes.values():
            shared += [each for each in vars(node).values() if isinstance(each, Random)]
        return shared

    def check(self) -> None:
        """Raise BayouError where something is broken here; at an end, whatever the judge finds too."""
        require(not self.world.dropped, f"a connection was dropped: {self.world.dropped[:1]}")
        if self.steps():
            return
        for rule, verdict in judge([*self.events, *self.ending()], is_own=True).items():
            if verdict.broken:
                raise BayouError(f"{rule}: {verdict.broken[0][1]}")

    def state(self) -> tuple[object, ...]:
        """Return what tells this state from others: what is still to be given, the machines, what is on its
        way, what is durable."""
        flights = [(_direction(flight), flight.given) for flight in self.world.flights()]
        flights.sort(key=lambda flight: flight[0])
        nodes, journals = sorted(self.world.nodes.items()), sorted(self.world.journals.items())
        return len(self.rest), nodes, flights, journals


def _direction(flight: Arrival) -> tuple[int, int]:
    return flight.node, getattr(flight.given, "peer", -1)
