"""What was worth seeing in runs of the log: a campaign that never saw one of these has not looked there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bayou.paxos.log import inputs
from bayou.paxos.log.leading import LEADING
from bayou.paxos.log.messages import (
    Accept,
    Accepted,
    Ask,
    Command,
    Decide,
    Decrees,
    Members,
    Nack,
    NoOp,
    Prepare,
    Promise,
    SnapshotPart,
)

if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.paxos.ballot import Ballot
    from bayou.paxos.effects import Effects
    from bayou.paxos.log.inputs import Answer, Input
    from bayou.paxos.log.node import LogNode
    from tests.log_world import Hold, World

SIGHTINGS = (
    "a take-over",
    "two leaders at once",
    "a value adopted from a lower ballot",
    "a no-op in a gap",
    "a candidate that was behind, with Prepare",
    "a Decide that does not fit, and a question",
    "a promise in parts",
    "a Nack that ends a leadership",
    "a leader that hears from no majority stops",
    "a leader left out",
    "a new member asked for its promise by a leader",
    "several changes of members in one window",
    "members in force",
    "all members replaced",
    "a server lost for good",
    "a server that is no member asks what is decided",
    "a snapshot taken",
    "a snapshot installed from several parts",
    "votes above a snapshot kept",
    "an old command refused",
    "a duplicate suppressed",
    "a command that waits, sent again, ignored",
    "a command answered again",
    "skipped slots filled",
    "a slot skipped",
    "a clock that jumped",
    "an Accepted of a leader's ballot before, for a slot in flight",
    "a leader's message of long ago",
    "a leader's message let go after two others have led",
    "several messages in one step",
    "a crash between records",
    "a crash after records, before sends",
    "a crash between sends",
    "a crash after sends, before answers",
)


class Sightings:
    """Counts them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.messages = 0
        self._parts: dict[int, int] = {}

    def stepped(
        self, world: World, id: int, given: Input, effects: Effects, before: tuple[bool, Ballot]
    ) -> None:
        """A server took a step; ``before``: whether it led, and in which ballot."""
        node, counts = world.node(id), self.counts
        led, ballot = before
        if node.is_leader and (not led or node.leading.ballot != ballot):
            counts["a take-over"] += len(world.rulers) > 0
            counts["two leaders at once"] += len(world.leaders()) > 1
        elif led and not node.is_leader:
            self._stopped(node, given)
        if isinstance(given, inputs.Received):
            self._received(given, node, effects)
        elif isinstance(given, inputs.Submit) and led:
            if effects.answers and isinstance(effects.answers[0], inputs.Done):
                counts["a command answered again"] += 1
            known = (given.client, given.number) in node.leading.under_way
            counts["a command that waits, sent again, ignored"] += known and not effects.durable
        elif isinstance(given, inputs.Skip) and node.is_leader:
            counts["a slot skipped"] += bool(node.leading.skipped)
        elif isinstance(given, inputs.Tick) and node.id not in node.ledger.membership.of(node.first):
            asks = any(isinstance(message, Ask) for _, message in effects.sends)
            counts["a server that is no member asks what is decided"] += asks
        for answer in effects.answers:
            self._answered(world, node, answer)

    def _stopped(self, node: LogNode, given: Input) -> None:
        """A leader leads no more."""
        if isinstance(given, inputs.Received) and isinstance(given.message, Nack):
            self.counts["a Nack that ends a leadership"] += 1
        elif node.id not in node.ledger.membership.of(node.first):
            self.counts["a leader left out"] += 1
        elif isinstance(given, inputs.Tick):
            self.counts["a leader that hears from no majority stops"] += 1

    def _answered(self, world: World, node: LogNode, answer: Answer) -> None:
        """A server tells its service or clients something."""
        counts = self.counts
        if isinstance(answer, inputs.MembersInForce):
            counts["members in force"] += 1
            lists = node.ledger.membership.lists
            at = lists.index((answer.slot, answer.members))
            if at and not any(each in lists[at - 1][1] for each in answer.members):
                counts["all members replaced"] += 1
        elif isinstance(answer, inputs.Install):
            counts["a snapshot installed from several parts"] += self._parts.get(node.id, 0) > 1
            counts["votes above a snapshot kept"] += bool(node.ledger.accepted)
            self._parts[node.id] = 0
        elif isinstance(answer, inputs.TakeSnapshot):
            counts["a snapshot taken"] += 1
        elif isinstance(answer, inputs.Chosen):
            value = answer.value
            if isinstance(value, Command):
                last, slot = node.ledger.clients.last(value.client)
                counts["a duplicate suppressed"] += value.number <= last and slot < answer.slot
            elif isinstance(value, Members):
                window = world.knobs.options.window
                near = range(answer.slot - window, answer.slot)
                others = [world.log.get(slot) for slot in near]
                counts["several changes of members in one window"] += any(
                    isinstance(other, Members) for other in others
                )

    def _received(self, given: inputs.Received, node: LogNode, effects: Effects) -> None:
        message, counts, leading = given.message, self.counts, node.leading
        replies = [reply for _, reply in effects.sends]
        if isinstance(message, Prepare) and any(
            isinstance(each, (Decrees, SnapshotPart)) for each in replies
        ):
            counts["a candidate that was behind, with Prepare"] += 1
        elif isinstance(message, Decide) and any(isinstance(each, Ask) for each in replies):
            counts["a Decide that does not fit, and a question"] += 1
        elif isinstance(message, SnapshotPart):
            self._parts[node.id] = self._parts.get(node.id, 0) + 1
        elif isinstance(message, Accepted) and message.ballot < leading.ballot:
            late = leading.phase == LEADING and message.slot in leading.proposals
            counts["an Accepted of a leader's ballot before, for a slot in flight"] += late
        elif isinstance(message, Promise) and message.upto is not None:
            counts["a promise in parts"] += 1

    def sent(self, world: World, sender: int, receiver: int, message: Message) -> None:
        """A server sends a message."""
        self.messages += 1
        counts = self.counts
        node = world.servers[sender].node
        if node is None:
            return
        if isinstance(message, Accept):
            leading = node.leading
            vote = leading.found.get(message.slot)
            if vote is not None and vote.ballot < message.ballot:
                counts["a value adopted from a lower ballot"] += 1
            elif isinstance(message.value, NoOp):
                counts["a no-op in a gap"] += message.slot < leading.top
                counts["skipped slots filled"] += message.slot < leading.used
        elif isinstance(message, Prepare) and node.is_leader:
            counts["a new member asked for its promise by a leader"] += 1

    def let_go(self, world: World, hold: Hold, message: Message) -> None:
        """A message that was kept back goes on."""
        self.counts["a leader's message of long ago"] += 1
        if 0 <= hold.rulers <= len(world.rulers) - 2:
            self.counts["a leader's message let go after two others have led"] += 1

    def cut(self, whole: Effects, part: Effects) -> None:
        """A server crashes in the midst of its effects."""
        if len(part.durable) < len(whole.durable):
            self.counts["a crash between records"] += bool(part.durable)
        elif not part.sends and whole.sends:
            self.counts["a crash after records, before sends"] += 1
        elif len(part.sends) < len(whole.sends):
            self.counts["a crash between sends"] += 1
        elif len(part.answers) < len(whole.answers):
            self.counts["a crash after sends, before answers"] += 1
