"""Every order of events of a small scenario: deliveries, commands and crashes, as far as connections allow
(bayou.families.maze).

A state is visited once: states are compared by what nodes hold, what they made durable, and what is on its
way. Each class says what in it is no state, and which numbers only tell things apart (bayou.machine.machine).
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.explore.trial import family_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from bayou.families.maze import Maze


class Walked(Record):
    """What came of a walk: distinct states, how many of them were ends, whether all were reached, and the
    first path to something broken."""

    states: int
    ends: int
    complete: bool
    problem: str | None = None
    path: tuple[str, ...] = ()


class _Freezer:
    """Turns objects into nested tuples that can be compared: of each class all attributes but those that it
    declares to be UNCOMPARED, and the numbers in its TAGS renamed in the order in which they are met."""

    def __init__(self, plain: Mapping[type, Callable[[Any], object]]) -> None:
        """``plain`` says what stands for objects of some classes."""
        self._plain = plain
        self._renamed: dict[object, int] = {}

    def freeze(self, value: object) -> object:
        """Return what stands for ``value``: the same for all that makes no difference."""
        if value is None or isinstance(value, int | str | float):
            return value
        plain = self._plain.get(type(value))
        if plain is not None:
            return plain(value)
        if isinstance(value, dict):
            return tuple((self.freeze(key), self.freeze(each)) for key, each in value.items())
        if hasattr(value, "__iter__"):
            return tuple(self.freeze(each) for each in value)
        if callable(value):
            return None
        return self._freeze_attributes(value)

    def _freeze_attributes(self, value: object) -> object:
        kind = type(value)
        uncompared, tags = getattr(kind, "UNCOMPARED", ()), getattr(kind, "TAGS", ())
        names = [*getattr(value, "__dict__", ()), *getattr(kind, "__slots__", ())]
        parts: list[object] = [kind.__name__]
        for name in sorted(dict.fromkeys(names)):
            if name not in uncompared and hasattr(value, name):
                held = getattr(value, name)
                parts += [name, self._freeze_tag(held) if name in tags else self.freeze(held)]
        return tuple(parts)

    def _freeze_tag(self, held: object) -> object:
        """Return what stands for a number that only tells things apart, or for a dict with such keys."""
        if isinstance(held, int):
            return "tag", self._renamed.setdefault(held, len(self._renamed))
        if isinstance(held, dict):
            return tuple((self._freeze_tag(key), self.freeze(each)) for key, each in held.items())
        return self.freeze(held)


def walk(
    lines: Sequence[str], *, states_max: int = 100_000, progress: Callable[[int], None] = lambda states: None
) -> Walked:
    """Visit every state of a scenario, depth first, up to ``states_max`` of them."""
    seen: set[object] = set()
    family = family_of([line.encode("utf-8", "surrogateescape") for line in lines])
    first: Maze = family.part("maze").open_maze(family, lines)
    stack = [first]
    ends = 0
    while stack:
        maze = stack.pop()
        state = _Freezer(maze.PLAIN).freeze(maze.state())
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
