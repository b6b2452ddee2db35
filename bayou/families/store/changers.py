"""Clients that make general writes in random scenarios, and look at what comes of them."""

from __future__ import annotations

import random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CHANGING = 0.5
"""The share of scenarios in which clients do."""

OFTEN = 0.3
"""How often something of it comes after another command."""

CALLING = 0.4
"""The share of those in which writes call functions (bayou.families.store.samples)."""

CALLS_OFTEN = 0.2
"""How often an alternative of a write does there."""

CALLS = (
    "tally 1 a", 'tally 1 ""', "first 1 0", "first 1 0", "swap 1 0", "like 1 1", "like 1 x", "like 1 true",
    "like 2 1", "like 2 x", "strict 1 0",
)  # fmt: skip

SCENES = {"write": 6, "rush": 3, "look": 5, "resolve": 1}

OUTCOMES_MAX = 8
"""How many outcomes are looked at in the end, of those that were looked at when their writes were new."""

KEYS = ("a", "b")
"""Two keys, so that most writes have to do with each other: what is wrong with queries stays hidden
otherwise."""

VALUES = (
    "1", "2", "true", '"1"', "x", "y", '{"f":1}', '{"f":1.0}', '{"f":true}', '{"f":"1"}', '{"f":2,"g":[1]}',
)  # fmt: skip
SCALARS = ("1", "2", "true", '"1"', "x")
FIELDS = (".", "f", "f", "g")
OPERATORS = ("=", "=", "=", "!=", "<", "<=", ">", ">=")
PREFIXES = ("n/", "n/", "n/a", "n/b")


def changes(seed: int) -> bool:
    """Return whether clients make general writes in the scenario with this seed."""
    return _stream(seed).random() < CHANGING


def calls(seed: int) -> bool:
    """Return whether writes call functions in the scenario with this seed."""
    return changes(seed) and _calling(seed).random() < CALLING


def _calling(seed: int) -> random.Random:
    """A stream of its own: all other writes are as if nobody called anything."""
    return random.Random(f"calling {seed}")


def _stream(seed: int) -> random.Random:
    return random.Random(f"changing {seed}")


class Changer:
    """Makes lines from a random stream of its own: the other lines of a scenario are as if it were not.

    ``clients`` is the generator's own list.
    """

    def __init__(self, seed: int, *, clients: Sequence[int], songs: Sequence[str]) -> None:
        self._rng = _stream(seed)
        self._rng.random()
        self._calling = _calling(seed)
        self._is_calling = self._calling.random() < CALLING
        self._clients = clients
        self._songs = songs
        self._count = 0
        self._asked: list[str] = []

    def lines(self) -> list[str]:
        """Return what comes after a command: mostly nothing."""
        rng = self._rng
        if not self._clients or rng.random() >= OFTEN:
            return []
        scene = rng.choices(list(SCENES), list(SCENES.values()))[0]
        if scene == "write":
            line = self._write()
            if rng.random() < 0.5:
                client, name = line.split()[1:3]
                self._asked.append(name)
                return [line, f"outcome {client} {name}"]
            return [line]
        if scene == "rush":
            return [self._write() for _ in range(rng.randint(2, 7))]
        if scene == "resolve":
            return [f"resolve {self._client()} {self._name()}"]
        return [self._look(self._client())]

    def last_lines(self) -> list[str]:
        """Return lines that show each client what came of it all."""
        lines = []
        for client in self._clients:
            lines += [f"rows {client} {place}" for place in ("n/", "c/", "playlist/", "!conflicts/")]
            lines += [f"conflicts {client}"]
            shown = self._rng.sample(self._asked, min(len(self._asked), OUTCOMES_MAX))
            lines += [f"outcome {client} {name}" for name in shown]
        return lines

    def _client(self) -> int:
        return self._rng.choice(self._clients)

    def _name(self) -> str:
        return f"w{self._rng.randint(max(1, self._count - 12), max(1, self._count))}"

    def _look(self, client: int) -> str:
        rng = self._rng
        view = rng.choice(("", "", " committed"))
        places = (*PREFIXES, "c/", "playlist/")
        return rng.choice(
            (
                f"rows {client} {rng.choice(places)}{view}",
                f"rows {client} {rng.choice(places)}{view}",
                f"outcome {client} {self._name()}",
                f"conflicts {client}{view}",
            )
        )

    def _write(self) -> str:
        rng = self._rng
        self._count += 1
        made = [self._alternative(rng.random() < 0.85)]
        while rng.random() < 0.45 and len(made) < 4:
            made.append(self._alternative(rng.random() < 0.7))
        return f"write {self._client()} w{self._count} {' else '.join(made)}"

    def _alternative(self, is_checked: bool) -> str:
        rng = self._rng
        updates = [self._update() for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        text = "nothing" if rng.random() < 0.08 else " and ".join(updates)
        if self._is_calling and self._calling.random() < CALLS_OFTEN:
            text = f"call {self._calling.choice(CALLS)}"
        if not is_checked:
            return text
        conditions = [self._condition() for _ in range(rng.choice((1, 1, 1, 2)))]
        return f"{text} if {' and '.join(conditions)}"

    def _update(self) -> str:
        rng = self._rng
        row, value = f"n/{rng.choice(KEYS)}", rng.choice(VALUES)
        song = f"playlist/{rng.choice(self._songs)}"
        return rng.choice(
            (
                f"set {row} {value}",
                f"set {row} {value}",
                f"del {row}",
                f"new {row} {value}",
                f"add {row} {rng.choice((1, -1, 5))}",
                f"add c/count {rng.choice((1, -1, 5, 9223372036854775807))}",
                f"insert c/set {rng.choice('xyz')}",
                f"remove c/set {rng.choice('xyz')}",
                f"set {song} u{rng.randint(1, 9)}",
                f"del {song}",
            )
        )

    def _condition(self) -> str:
        rng = self._rng
        row = f"n/{rng.choice(KEYS)}"
        prefix = rng.choice(PREFIXES)
        song = f"playlist/{rng.choice(self._songs)}"
        return rng.choice(
            (
                f"is {row} {rng.choice(VALUES)}",
                f"absent {row}",
                f"present {row}",
                f"meets {row} {self._where()}",
                f"none {prefix} {self._where()}",
                f"none {prefix} {self._where()} {self._where()}",
                f"some {prefix} {self._where()}",
                f"atmost {rng.randint(0, 2)} {prefix}",
                f"atleast {rng.randint(1, 2)} {prefix} {self._where()}",
                f"present {song}",
                f"is {song} u{rng.randint(1, 9)}",
                f"none playlist/ where . = u{rng.randint(1, 9)}",
                f"meets c/count where . {rng.choice(OPERATORS)} {rng.randint(-2, 9)}",
            )
        )

    def _where(self) -> str:
        rng = self._rng
        return f"where {rng.choice(FIELDS)} {rng.choice(OPERATORS)} {rng.choice(SCALARS)}"
