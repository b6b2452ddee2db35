"""Servers of a log without sockets, disks or clocks: what one sends, the test hands to whom it likes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from bayou.paxos.log.inputs import BecomeLeader, Input, Received, Submit
from bayou.paxos.log.messages import Accept, Command, Prepare
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.options import LogOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.paxos.effects import Effects

    Letter = tuple[int, int, Message]


class Servers:
    """``nodes`` by id, those that are up; ``disks``: what each made durable; ``post``: what was sent and
    has not arrived; ``told``: the answers of each; ``log``: every message that was sent, in order."""

    def __init__(
        self, count: int, options: LogOptions | None = None, members: Sequence[int] | None = None
    ) -> None:
        self.options = options or LogOptions(None, None, window=8)
        self.members = tuple(range(count)) if members is None else tuple(members)
        self.disks: dict[int, list[Durable]] = {id: [] for id in range(count)}
        self.told: dict[int, list[Any]] = {id: [] for id in range(count)}
        self.post: list[Letter] = []
        self.log: list[Letter] = []
        self.now = 0.0
        self.nodes = {id: self._make(id) for id in range(count)}

    def _make(self, id: int) -> LogNode:
        members = self.members if id in self.members else ()
        return LogNode(id, members, self.options, Random(id), self.disks[id])

    def give(self, id: int, given: Input) -> Effects:
        """Let a server take an input: what is durable goes to its disk, then what it sends to the post."""
        effects = self.nodes[id].step(self.now, given)
        self.nodes[id].check()
        self.disks[id] += effects.durable
        letters = [(id, to, message) for to, message in effects.sends]
        self.post += letters
        self.log += letters
        self.told[id] += effects.answers
        return effects

    def submit(self, id: int, text: str, client: int = 7, number: int = 1, since: int = 0) -> Effects:
        return self.give(id, Submit(client, number, since, text))

    def lead(self, id: int, live: Sequence[int] = ()) -> None:
        """Let a server take over, and everything arrive."""
        self.give(id, BecomeLeader(tuple(live)))
        self.deliver()

    def deliver(self, passes: Callable[[Letter], bool] = lambda _: True) -> None:
        """Let messages arrive, and the answers to them, until nothing is under way; those that do not pass,
        and those to servers that are down, are lost."""
        for _ in range(100_000):
            if not self.post:
                return
            letter = self.post.pop(0)
            sender, to, message = letter
            if passes(letter) and to in self.nodes:
                self.give(to, Received(sender, message))
        raise AssertionError(f"messages without end: {self.post[:5]}")

    def crash(self, *ids: int) -> None:
        """End servers at once; what they had sent is still under way."""
        for id in ids:
            del self.nodes[id]

    def restart(self, id: int) -> None:
        """Start a server again from its disk."""
        self.nodes[id] = self._make(id)

    def answers(self, id: int, *kinds: type) -> list[Any]:
        """Return the answers of these kinds that a server gave."""
        return [answer for answer in self.told[id] if isinstance(answer, kinds)]

    def texts(self, id: int) -> dict[int, str]:
        """Return what a server knows decided: by slot the text, empty for what is no command."""
        return {
            slot: value.text if isinstance(value, Command) else ""
            for slot, value in self.nodes[id].decided.items()
        }


def sent(letters: Iterable[Letter], *kinds: type) -> list[Letter]:
    """Return the messages of these kinds."""
    return [letter for letter in letters if isinstance(letter[2], kinds)]


def accepts(letter: Letter) -> bool:
    """Whether it is an Accept."""
    return isinstance(letter[2], Accept)


def prepares(letter: Letter) -> bool:
    """Whether it is a Prepare."""
    return isinstance(letter[2], Prepare)
