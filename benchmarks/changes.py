"""General writes: a late one in a long log, what each takes in memory, and a counter that many add to."""

from __future__ import annotations

import gc
import tracemalloc
from statistics import median
from typing import TYPE_CHECKING, Any

from bayou.core import executions
from bayou.core.body import made_body
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replay import Replay
from bayou.core.replica import Replica
from bayou.core.values import Value
from bayou.core.write import CHANGE, Write
from benchmarks.table import Row, timed

if TYPE_CHECKING:
    from bayou.core.execute import Executed
    from bayou.core.name import Name

SIZES = (10_000, 100_000, 1_000_000)
DEPENDENTS = (0, 1, 10, 1000)
ADDITIONS = 10_000
PART_WRITES = 10_000
LATE_WRITES = 20
FIRST = 1000
"""Stamps of the writes present begin behind this, so that late ones have room before them."""


def body(name: str, do: list[Any], conditions: list[Any], *others: dict[str, Any]) -> Value:
    """Return a body in canonical form."""
    plain: dict[str, Any] = {"name": name, "do": do, "if": conditions}
    return Value(made_body({**plain, "else": list(others)} if others else plain).text)


def booking(n: int) -> Value:
    """Return a body of some 150 characters: a room is booked if it is free, otherwise the one beside it."""
    room, who = f"room{n}", f"who{n:08}"
    beside = {"do": [["set", "rooms", f"{room}b", who]]}
    return body(who, [["set", "rooms", room, who]], [["absent", "rooms", room]], beside)


def sees(dependents: int) -> Value:
    """Return the body of one of so many writes that depend on a row of their own."""
    return body("sees", [["set", "seen", "k", 1]], [["present", "shared", f"k{dependents}"]], {"do": []})


class Executing:
    """Counts executions as long as it is entered."""

    def __init__(self) -> None:
        self.count = 0
        self._execute = executions.execute

    def __enter__(self) -> Executing:
        executions.execute = self._counted
        return self

    def __exit__(self, *_: object) -> None:
        executions.execute = self._execute

    def _counted(self, *what: Any) -> Executed:
        self.count += 1
        return self._execute(*what)


def replica_with(writes: int, make: Any) -> tuple[Replica, Name]:
    """Return a replica with so many tentative general writes of one server, made by their numbers, and the
    name of another server, whose writes are still to come."""
    root = Replica(ROOT)
    late = root.create().created
    busy = root.create().created
    replica = Replica(root.create().created)
    replica.apply(root.beyond(0, replica.vector))
    for start in range(0, writes, PART_WRITES):
        numbers = range(start, min(writes, start + PART_WRITES))
        made = [Write(FIRST + n, busy, CHANGE, "", "", make(n)) for n in numbers]
        replica.apply(Items(replica.csn, [], made))
    return replica, late


def long_log(size: int) -> tuple[Replica, Name]:
    """Return a replica with so many tentative writes, among which 0, 1, 10, 1,000 depend on a row each."""
    depending = {}
    at = 0
    for dependents in DEPENDENTS:
        for _ in range(dependents):
            at += size // (sum(DEPENDENTS) + 1)
            depending[at] = sees(dependents)
    return replica_with(size, lambda n: depending.get(n) or booking(n))


def late_writes(replica: Replica, late: Name, dependents: int) -> tuple[float, int]:
    """Return the seconds that a late write takes on whose row so many depend (the median), and how many
    writes are executed for each."""
    times, counts = [], []
    for count in range(1, LATE_WRITES + 1):
        row = "shared", f"k{dependents}"
        do = ["set", *row, 1] if count % 2 else ["delete", *row]
        stamp = replica.vector.completed(late) + 1
        write = Write(stamp, late, CHANGE, "", "", body(f"late{count}", [do], [["absent", "x", "x"]]))
        items = Items(replica.csn, [], [write])
        with Executing() as executing:
            times.append(timed(lambda items=items: replica.apply(items)))  # type: ignore[misc]
        counts.append(executing.count)
    return median(times), max(counts)


def redo(size: int) -> float:
    """Return the seconds that it takes to execute all writes of such a log from its beginning."""
    replica, _ = replica_with(size, booking)
    writes = list(replica.log)

    def work() -> None:
        replay = Replay(None, None)
        for write in writes:
            replay.execute(write)

    return timed(work)


def bytes_each(size: int) -> float:
    """Return what a tentative general write takes in memory, all told."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    replica, _ = replica_with(size, booking)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(replica.log.tentative)


def counter() -> tuple[float, int]:
    """Return the seconds that a late addition to a counter takes to which many have added tentatively, and
    how many writes are executed."""
    text = body("adds", [["add", "stock", "tea", 1]], [["absent", "x", "x"]])
    replica, late = replica_with(ADDITIONS, lambda n: text)
    items = Items(replica.csn, [], [Write(10, late, CHANGE, "", "", text)])
    with Executing() as executing:
        seconds = timed(lambda: replica.apply(items))
    return seconds, executing.count


def changes(*, quick: bool) -> list[Row]:
    """Return the figures of general writes."""
    sizes = SIZES[:2] if quick else SIZES
    rows, shortest = [], dict.fromkeys(DEPENDENTS, 0.0)
    redone = redo(sizes[-1])
    for size in sizes:
        replica, late = long_log(size)
        for dependents in DEPENDENTS:
            seconds, count = late_writes(replica, late, dependents)
            shortest[dependents] = shortest[dependents] or seconds
            told = f"{seconds * 1e6:,.0f} us, {count} executed"
            if size > sizes[0]:
                told += f", {seconds / shortest[dependents]:.2f} times as long as in {sizes[0]:,}"
            is_compared = size == sizes[-1] and dependents <= 10
            if is_compared:
                told += f"; full redo takes {redone / seconds:,.0f} times as long"
            what = f"a late general write in {size:,} of which {dependents} depend on it"
            asked = f"{dependents + 1} executed, at most 5 times as long"
            rows.append(Row(what, told, asked, "full redo 50,000 times" if is_compared else ""))
    told = f"{bytes_each(sizes[0]):,.0f} bytes, with a body of {len(booking(1))} characters"
    rows.append(Row(f"memory for each of {sizes[0]:,} tentative general writes", told, "at most 1,500 bytes"))
    seconds, count = counter()
    what = f"a late addition to a counter with {ADDITIONS:,} tentative ones"
    rows.append(Row(what, f"{seconds * 1e3:,.0f} ms, {count:,} executed", f"{ADDITIONS + 1:,} executed"))
    return rows
