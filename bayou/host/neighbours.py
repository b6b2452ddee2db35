"""Whom a server of a cluster connects to, and when: whose turn it is to dial, and how often it is tried.

Of two servers the one with the smaller id dials; the other does as well where nothing has come for a while,
which covers that only one of the two can be reached. The network sees to it that one connection is left.
"""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.core.name import Name
    from bayou.host.messages import Entry
    from bayou.machine.machine import Randomness

FIRST_PAUSE_S = 0.2
LAST_PAUSE_S = 30.0
STEADY_S = 10.0
"""A connection that held so long makes the next pause a short one again."""

THEIR_TURN_S = 3.0
"""How long a server leaves it to the one with the smaller id to dial."""

CHOSEN_MAX = 16
CHOICE_S = 3600.0
"""Where there are more servers than CHOSEN_MAX, it connects to so many, chosen anew each CHOICE_S."""


class Way(Record):
    """A try to connect: its number, and where to."""

    number: int
    address: str


class Goal:
    """A server that is to be connected with: by ``name``, or as long as that is not known by an address.

    ``due``: when to dial it next, None while that is under way; ``peer``: the id of the server that was found
    there, None as long as there was none; ``is_me``: it was this server itself; ``why``: what was last said
    of tries that failed.
    """

    __slots__ = (
        "addresses", "at", "due", "is_me", "is_ours", "name", "pause_s", "peer", "up_since", "why",
    )  # fmt: skip

    def __init__(self, name: Name | None, addresses: tuple[str, ...], now: float) -> None:
        self.name = name
        self.addresses = addresses
        self.at = 0
        self.due: float | None = now
        self.pause_s = FIRST_PAUSE_S
        self.peer: int | None = None
        self.up_since: float | None = None
        self.is_me = False
        self.is_ours = False
        self.why = ""


class Neighbours:
    """The servers to connect to. ``turn`` says which to dial; the others tell what came of it."""

    def __init__(self, me: int, rng: Randomness, joins: Iterable[str], now: float) -> None:
        self._me = me
        self._rng = rng
        self._joins = {address: Goal(None, (address,), now) for address in joins}
        self._named: dict[Name, Goal] = {}
        self._up: dict[int, Name | None] = {}
        self._ids: dict[Name, int] = {}
        self._number = 0
        self._under_way: dict[int, Goal] = {}
        self._chosen: set[Name] = set()
        self._choice_due = now

    # What is known of others.

    def add(self, addresses: Iterable[str], now: float) -> None:
        """Connect to the servers at these addresses too, and try all at once, whoever else might dial."""
        for address in addresses:
            self._joins.setdefault(address, Goal(None, (address,), now))
        for goal in (*self._joins.values(), *self._named.values()):
            if goal.due is not None:
                goal.due, goal.pause_s = now, FIRST_PAUSE_S

    def learn(self, entries: Iterable[Entry], me: Name | None, now: float) -> None:
        """These are all entries of servers. One whose addresses have changed is dialled soon."""
        listed = {entry.name: entry for entry in entries if entry.name is not me and entry.addresses}
        for name in [name for name in self._named if name not in listed]:
            del self._named[name]
        for name, entry in listed.items():
            goal = self._named.get(name)
            if goal is None:
                goal = self._named[name] = Goal(name, entry.addresses, now)
                goal.peer = self._ids.get(name)
                goal.due = self._first_due(goal, now)
            elif goal.addresses != entry.addresses:
                goal.addresses, goal.at, goal.pause_s = entry.addresses, 0, FIRST_PAUSE_S
                if goal.due is not None:
                    goal.due = self._first_due(goal, now)
        self._choose(now, is_due=False)

    def linked(self, id: int, name: Name | None, now: float) -> None:
        """A connection to a server is up."""
        self._up[id] = name
        if name is not None:
            self._ids[name] = id
            goal = self._named.get(name)
            if goal is not None:
                goal.peer, goal.up_since = id, now
        for goal in self._joins.values():
            if goal.peer == id:
                goal.up_since = now

    def unlinked(self, id: int, now: float) -> None:
        """It is gone."""
        name = self._up.pop(id, None)
        for goal in (*self._joins.values(), *([self._named[name]] if name in self._named else ())):
            if goal.peer == id and goal not in self._under_way.values():
                if goal.up_since is not None and now - goal.up_since >= STEADY_S:
                    goal.pause_s = FIRST_PAUSE_S
                self._put_off(goal, now)
                if self._is_their_turn(goal):
                    goal.due = now + THEIR_TURN_S

    # Dialling.

    def turn(self, now: float) -> list[Way]:
        """Return where to dial now."""
        self._choose(now, is_due=now >= self._choice_due)
        ways = []
        for goal in self._goals():
            if goal.due is not None and now >= goal.due:
                if self._is_reached(goal):
                    goal.due = now + LAST_PAUSE_S  # or as soon as that connection is lost
                    continue
                if self._is_anothers(goal):
                    goal.at += 1
                    self._put_off(goal, now)
                    continue
                goal.due = None
                self._number += 1
                self._under_way[self._number] = goal
                ways.append(Way(self._number, goal.addresses[goal.at % len(goal.addresses)]))
        return ways

    def succeeded(self, number: int, id: int, now: float) -> None:
        """That try led to the server with this id, with which there is a connection."""
        goal = self._under_way.pop(number)
        goal.peer, goal.up_since, goal.why, goal.is_ours = id, now, "", True
        if goal.name is not None and self._up.get(id) is not goal.name:
            goal.peer = self._ids.get(goal.name)
            goal.at += 1  # another server is there now
            self._put_off(goal, now)
        elif id not in self._up:
            self._put_off(goal, now)

    def failed(self, number: int, why: str, now: float, *, is_me: bool = False) -> bool:
        """That try came to nothing; return whether a person should know: the reason is a new one, and there
        is no other connection to that server. ``is_me``: it led to this server itself."""
        goal = self._under_way.pop(number)
        is_new, goal.why = why != goal.why and not self._is_reached(goal), why
        goal.at += 1
        goal.is_me = is_me
        self._put_off(goal, now)
        return is_new

    @property
    def due(self) -> float | None:
        """When ``turn`` has something to say at the latest."""
        dues = [goal.due for goal in self._goals() if goal.due is not None]
        if len(self._named) > CHOSEN_MAX:
            dues.append(self._choice_due)
        return min(dues, default=None)

    def is_too_many(self, id: int) -> bool:
        """Whether this server dialled that one, and has chosen others since."""
        name = self._up.get(id)
        goal = None if name is None else self._named.get(name)
        return goal is not None and goal.is_ours and bool(self._chosen) and name not in self._chosen

    def _goals(self) -> list[Goal]:
        named = [goal for name, goal in self._named.items() if not self._chosen or name in self._chosen]
        return named + [goal for goal in self._joins.values() if not goal.is_me]

    def _is_reached(self, goal: Goal) -> bool:
        """Whether there is a connection, or another goal stands for the same server."""
        if goal.peer is not None and goal.peer in self._up:
            return True
        if goal.name is not None:
            return goal.name in self._up.values()
        return any(goal.addresses[0] in named.addresses for named in self._named.values())

    def _is_anothers(self, goal: Goal) -> bool:
        """Whether another server is connected that is found at this address: whoever used to be there is not.
        To dial it would only make a connection take the place of that one."""
        address, up = goal.addresses[goal.at % len(goal.addresses)], self._up.values()
        return any(
            named is not goal and name in up and address in named.addresses
            for name, named in self._named.items()
        )

    def _is_their_turn(self, goal: Goal) -> bool:
        return goal.name is not None and goal.peer is not None and goal.peer < self._me

    def _first_due(self, goal: Goal, now: float) -> float:
        return now + THEIR_TURN_S if self._is_their_turn(goal) else now

    def _put_off(self, goal: Goal, now: float) -> None:
        share = 0.5 + self._rng.getrandbits(16) / (1 << 17)  # from 0.5 to 1
        goal.due = now + goal.pause_s * share
        goal.pause_s = min(LAST_PAUSE_S, 2 * goal.pause_s)

    def _choose(self, now: float, *, is_due: bool) -> None:
        """Where there are too many servers to connect to all, connect to some, chosen at random."""
        names = list(self._named)
        if len(names) <= CHOSEN_MAX:
            self._chosen.clear()
            return
        self._chosen.intersection_update(names)
        if is_due:
            self._chosen.clear()
        if not self._chosen:
            self._choice_due = now + CHOICE_S
        while len(self._chosen) < CHOSEN_MAX:
            self._chosen.add(names[self._rng.getrandbits(32) % len(names)])
