"""Servers of the model together: exchanges between them, and what must hold after each step.

An exchange goes item by item. A Pull, and what answers it, lie in flight until a step delivers them, gives
them up or doubles them; so an exchange breaks off after any item, and several are under way at a time. What
is judged is judged from what servers made durable (``World.done``): a step that a crash took back has told
nobody anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.group_model import Server
from tests.group_rules import (
    CREATE,
    GROUP,
    RETIRE,
    ROOT,
    Broken,
    Name,
    Rules,
    Vector,
    Vote,
    Write,
    completed,
    counts,
    covers,
    learn,
)

if TYPE_CHECKING:
    import random

ALL = 1 << 30
SIGHTINGS = (
    "crashes in the middle of a step",
    "echoes ignored",
    "items of an answer that counts no more",
    "exchanges broken off in the middle of a decree",
    "bases taken over",
    "decrees proposed",
    "bases for which two leaders proposed",
    "group writes that count",
    "group writes that do not",
    "servers lost for good",
    "servers created",
    "consents refused",
    "retirements of members that had left",
    "duties handed to an heir",
    "servers gone",
)
"""What a campaign has to come across to count."""
Item = tuple[Any, ...]
Pull = tuple[Server, Server, int, Vector, int]
"""Receiver, sender, serial, and the vector and CSN of the receiver."""


class Stream:
    """What a sender composed for a receiver, of which the first ``at`` items have been delivered."""

    __slots__ = ("at", "items", "receiver", "sender", "serial")

    def __init__(self, receiver: Server, sender: Server, serial: int, items: list[Item]) -> None:
        self.receiver = receiver
        self.sender = sender
        self.serial = serial
        self.items = items
        self.at = 0


def composed(sender: Server, vector: Vector, csn: int) -> list[Item]:
    """Return the items of an exchange: committed writes, tentative ones, the end; or a base."""
    if sender.omitted > csn:
        return [("base", tuple(sender.log[: sender.omitted]))]
    items: list[Item] = [
        (at, write, completed(vector, write.server) >= write.stamp)
        for at, write in enumerate(sender.log[csn:], start=csn + 1)
    ]
    items += [
        (0, write, False) for write in sender.tentative if completed(vector, write.server) < write.stamp
    ]
    votes = dict(sender.votes)
    if not sender.rules.votes_last:
        items.insert(0, ("votes", sender.epoch, votes))
        votes = {}
    items.append(("end", sender.epoch, sender.boundary, votes))
    return items


def take(receiver: Server, item: Item) -> None:
    """Have a server take one item."""
    kind = item[0]
    if kind == "end":
        receiver.hear(item[1], item[2], item[3])
    elif kind == "base":
        receiver.install(list(item[1]))
    elif kind == "votes":
        if item[1] == receiver.epoch:
            receiver.hear_votes(item[2])
    else:
        receiver.take(*item)


class World:
    """All servers that there ever were, what is on its way, and what has been decided so far."""

    def __init__(self, rules: Rules, rng: random.Random, *, proposes: bool = True) -> None:
        self.rules = rules
        self.rng = rng
        self.proposes = proposes
        self.told: list[str] | None = None
        self.steps = 0
        self.seen = dict.fromkeys(SIGHTINGS, 0)
        first = self.made(ROOT, ({ROOT: 0}, 0))
        self.servers = [first]
        self.named = {ROOT: first}
        self.pulls: list[Pull] = []
        self.streams: list[Stream] = []
        self.serials = 0
        # What has been decided, as nobody within the model can see it.
        self.order: list[Write] = []
        self.place: dict[Write, int] = {}
        self.prefix: Vector = {ROOT: 0}
        self.epoch = 0
        self.group: tuple[Name, ...] = (ROOT,)
        self.former: tuple[Name, ...] = ()
        self.groups: dict[int, tuple[Name, ...]] = {0: self.group}
        self.ends: dict[tuple[int, int], int] = {}
        self.boundaries = {0}
        self.accepted: dict[tuple[int, tuple[int, Name], int], tuple[Vector, set[Name]]] = {}
        self.proposed: set[tuple[int, int]] = set()
        self.decided: dict[tuple[int, int], Vector] = {}
        self.before: dict[Write, tuple[Vector, Write | None]] = {}
        self.latest: dict[Name, Write] = {}

    def tell(self, line: str) -> None:
        if self.told is not None:
            self.told.append(line)

    # What a world of other servers does in another way (tests/group_both.py).

    def made(self, name: Name, target: tuple[Vector, int]) -> Server:
        return Server(name, self.rules, target)

    def composed(self, sender: Server, vector: Vector, csn: int) -> list[Item]:
        return composed(sender, vector, csn)

    def take(self, receiver: Server, item: Item) -> None:
        take(receiver, item)

    def cut(self, server: Server) -> None:
        """Take back a part of what a server is about to make durable."""
        del server.journal[self.rng.randint(server.kept, len(server.journal)) :]

    # What servers are told to do.

    def put(self, server: Server, kind: int = 0, since: int = 0, names: tuple[Name, ...] = ()) -> Write:
        """Have a server accept a write."""
        before = dict(server.vector)
        last = self.latest.get(server.name)
        while last is not None and last not in server.has:  # a crash took it back
            last = self.before[last][1]
        write = server.accept(kind, since, names)
        self.before[write] = before, last
        self.latest[server.name] = write
        return write

    def create(self, creator: Server, cut: float = 0.0) -> Server | None:
        """Have a server accept a creation write; return the newcomer, which has nothing yet."""
        write = self.put(creator, CREATE)
        creator.settle(proposes=self.proposes)
        if self.done(creator, cut):
            return None
        name = (write.stamp, *write.server)
        made = self.made(name, (dict(creator.vector), len(creator.log)))
        self.servers.append(made)
        self.named[name] = made
        self.seen["servers created"] += 1
        return made

    def crash(self, server: Server) -> None:
        """A server goes down: what is not durable is gone at once."""
        server.restart()
        server.is_up = False
        self.pulls = [each for each in self.pulls if server not in each[:2]]
        self.streams = [each for each in self.streams if each.receiver is not server]

    def restart(self, server: Server) -> None:
        server.is_up = True
        server.settle(proposes=False)
        self.done(server)

    # Exchanges.

    def pull(self, receiver: Server, sender: Server) -> Pull:
        """Ask for an exchange; what was under way with that sender counts no more."""
        self.serials += 1
        receiver.expecting[sender.name] = [self.serials, 0]
        return receiver, sender, self.serials, dict(receiver.vector), len(receiver.log)

    def answer(self, pull: Pull) -> Stream | None:
        """Compose what a sender answers to a Pull: once."""
        receiver, sender, serial, vector, csn = pull
        if not sender.is_up or not sender.is_joined or sender.island != receiver.island:
            return None
        if self.rules.once and sender.answered.get(receiver.name, -1) >= serial:
            self.seen["echoes ignored"] += 1
            return None
        sender.answered[receiver.name] = serial
        return Stream(receiver, sender, serial, self.composed(sender, vector, csn))

    def deliver(self, stream: Stream, most: int = ALL, cut: float = 0.0) -> bool:
        """Deliver some items of a stream in one step; return whether there may be more of it."""
        receiver, sender = stream.receiver, stream.sender
        state = receiver.expecting.get(sender.name)
        if not receiver.is_up or state is None or state[0] != stream.serial:
            self.seen["items of an answer that counts no more"] += receiver.is_up
            return False
        last = len(stream.items)
        stop = min(last, stream.at + most)
        while stream.at < stop:
            if stream.at > state[1]:
                return False
            if stream.at == state[1]:
                state[1] += 1
                self.take(receiver, stream.items[stream.at])
            stream.at += 1
        if stream.at == last:
            del receiver.expecting[sender.name]
        receiver.settle(proposes=self.proposes)
        return not self.done(receiver, cut) and stream.at < last

    def exchange(self, receiver: Server, sender: Server, most: int = ALL) -> bool:
        """A whole exchange at once, or the first items of one; whether it was carried out."""
        if not receiver.is_up or receiver.is_gone:
            return False
        stream = self.answer(self.pull(receiver, sender))
        if stream is None:
            return False
        self.deliver(stream, most)
        if stream.items[0][0] == "base" and most == ALL:
            return self.exchange(receiver, sender)
        return True

    # What must hold.

    def done(self, server: Server, cut: float = 0.0) -> bool:
        """End a step of a server, which with the probability ``cut`` crashes in the middle: what is durable
        then ends anywhere. Judge what is durable; return whether the server crashed."""
        self.steps += 1
        journal = server.journal
        crashed = cut > 0.0 and self.rng.random() < cut
        if crashed:
            self.seen["crashes in the middle of a step"] += 1
            self.cut(server)
            self.tell(f"    {server.name} crashes, {len(journal) - server.kept} records kept")
        for at in range(server.kept, len(journal)):
            kind, what = journal[at]
            if kind == "commit":
                self._committed(*what)
            elif kind == "vote":
                self._voted(server, *what)
            elif kind == "decree":
                self._ended(*what)
            elif kind == "base":
                self._based(what)
        server.kept = len(journal)
        if crashed:
            self.crash(server)
        self._check(server)
        return crashed

    def _check(self, server: Server) -> None:
        csn = len(server.log)
        if self.groups.get(server.epoch) != server.group:
            raise Broken(f"{server.name} has the group {server.group} in epoch {server.epoch}")
        if not server.epoch <= server.boundary <= csn:
            raise Broken(f"{server.name} has the boundary {server.boundary} at CSN {csn}")
        rules = self.rules
        if rules.boundary and server.boundary not in self.boundaries:
            raise Broken(f"{server.name} has the boundary {server.boundary}, where no decree ended")
        if (server.name in server.votes) is not (server.name in server.group):
            raise Broken(f"{server.name} votes in {server.group}, or does not")
        self.seen["exchanges broken off in the middle of a decree"] += server.boundary < csn
        if rules.votes_last:
            for member, vote in server.votes.items():
                if vote.upto is None or server.sound.get(member) is vote:
                    continue
                if vote.base > server.boundary or not covers(server.vector, vote.upto):
                    raise Broken(f"{server.name} lacks what the vote {vote} of {member} names")
                server.sound[member] = vote

    def _committed(self, csn: int, write: Write) -> None:
        order = self.order
        if csn <= len(order):
            if order[csn - 1] != write:
                raise Broken(f"two writes of CSN {csn}: {order[csn - 1]}, {write}")
            return
        if csn > len(order) + 1:
            raise Broken(f"CSN {csn} is given before CSN {len(order) + 1}")
        if write in self.place:
            raise Broken(f"{write} is committed twice: as {self.place[write]} and {csn}")
        vector, last = self.before[write]
        if not covers(self.prefix, vector) or not (last is None or last in self.place):
            raise Broken(f"{write} is committed before what its server knew when it accepted it")
        order.append(write)
        self.place[write] = csn
        learn(self.prefix, write)
        if len(self.group) == 1:
            self.boundaries.add(csn)
        if write.kind >= RETIRE and counts(write, self.epoch, self.group, self.rules):
            self.epoch, self.former, self.group = csn, self.group, tuple(sorted(write.names))
            self.groups[csn] = self.group
            self.boundaries.add(csn)
            self.seen["group writes that count"] += 1
        elif write.kind == GROUP:
            self.seen["group writes that do not"] += 1

    def _based(self, prefix: tuple[Write, ...]) -> None:
        self.seen["bases taken over"] += 1
        if list(prefix) != self.order[: len(prefix)]:
            raise Broken(f"a base of {len(prefix)} writes is not what was committed")
        if self.rules.boundary and len(prefix) not in self.boundaries:
            raise Broken(f"a base ends at {len(prefix)}, where no decree ended")

    def _voted(self, server: Server, epoch: int, vote: Vote) -> None:
        if vote.upto is None:
            return
        key = epoch, vote.accepted, vote.base
        if key not in self.accepted:
            self.seen["decrees proposed"] += 1
            self.seen["bases for which two leaders proposed"] += key[::2] in self.proposed
            self.proposed.add(key[::2])
        upto, members = self.accepted.setdefault(key, (vote.upto, set()))
        if upto != vote.upto:
            raise Broken(f"two decrees for {key}: {upto}, {vote.upto}")
        members.add(server.name)
        if len(members) > len(self.groups[epoch]) // 2:
            decided = self.decided.setdefault(key[::2], upto)
            if decided != upto:
                raise Broken(f"after {vote.base} two decrees are decided: {decided}, {upto}")

    def _ended(self, epoch: int, base: int, end: int) -> None:
        if self.ends.setdefault((epoch, base), end) != end:
            raise Broken(f"the decree after {base} ends at {end} and at {self.ends[epoch, base]}")
        self.boundaries.add(end)
