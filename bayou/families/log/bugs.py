"""A weak log on purpose: known bugs of consensus, which can be planted in a process.

They show what a campaign, or a test suite, is able to find. Nothing else imports this.
"""

from __future__ import annotations

from bayou.families.planting import Patch, Plant
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.log import leading as leading_module
from bayou.paxos.log import ledger as ledger_module
from bayou.paxos.log import node as node_module
from bayou.paxos.log.clients import APPLY, REPEATED, Clients
from bayou.paxos.log.inputs import Done, MembersInForce
from bayou.paxos.log.leading import LEADING, Leadership
from bayou.paxos.log.ledger import Ledger
from bayou.paxos.log.membership import Membership
from bayou.paxos.log.messages import Accept, Ask, Command, Decide, Heartbeat, NoOp, Prepare, Promise
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.snapshots import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.paxos.log.messages import Vote
    from bayou.paxos.log.records import Snapshot


def _handle(patch: Patch, kind: type[Message], handler: Any) -> None:
    patch.setattr(node_module, "_HANDLERS", {**node_module._HANDLERS, kind: handler})


# Acceptors.


def promise_not_durable(patch: Patch) -> None:
    def promise(self: Ledger, ballot: Ballot, effects: Effects) -> None:
        original(self, ballot, Effects())

    original = Ledger.promise
    patch.setattr(Ledger, "promise", promise)


def acceptance_not_durable(patch: Patch) -> None:
    def accept(self: Ledger, slot: int, ballot: Ballot, value: Message, effects: Effects) -> None:
        original(self, slot, ballot, value, Effects())

    original = Ledger.accept
    patch.setattr(Ledger, "accept", accept)


def lower_ballot_accepted(patch: Patch) -> None:
    def on_accept(self: LogNode, sender: int, message: Accept, effects: Effects) -> None:
        ledger = self.ledger
        promised, ledger.promised = ledger.promised, min(ledger.promised, message.ballot)
        original(self, sender, message, effects)
        ledger.promised = max(ledger.promised, promised)

    original = LogNode._on_accept
    _handle(patch, Accept, on_accept)


def promise_to_a_candidate_that_is_behind(patch: Patch) -> None:
    """It tells what it has accepted since, and nothing of what it knows decided."""

    def on_prepare(self: LogNode, sender: int, message: Prepare, effects: Effects) -> None:
        first = max(message.first, self.ledger.first)
        start = len(effects.sends)
        original(self, sender, Prepare(message.ballot, first), effects)
        for at, (receiver, reply) in enumerate(effects.sends[start:], start=start):
            if isinstance(reply, Promise):
                told = Promise(reply.ballot, message.first, reply.upto, reply.accepted)
                effects.sends[at] = receiver, told

    original = LogNode._on_prepare
    _handle(patch, Prepare, on_prepare)


def state_lost_same_id(patch: Patch) -> None:
    def init(
        self: LogNode, node: int, members: Sequence[int], options: Any, rng: Any, records: Iterable[Any] = ()
    ) -> None:
        original(self, node, members, options, rng, ())

    original = LogNode.__init__
    patch.setattr(LogNode, "__init__", init)


# Proposers.


def value_not_adopted(patch: Patch) -> None:
    def value_for(self: Leadership, slot: int, *, is_gap: bool) -> Message:
        return self.queue.pop(0) if self.queue else original(self, slot, is_gap=is_gap)

    original = Leadership._value_for
    patch.setattr(Leadership, "_value_for", value_for)


def value_of_the_lowest_ballot(patch: Patch) -> None:
    def find(self: Leadership, server: int, votes: Iterable[Vote], upto: float) -> None:
        known = list(votes)
        lower = {
            slot: vote
            for slot, vote in self.found.items()
            if any(vote.ballot < each.ballot for each in known)
        }
        original(self, server, known, upto)
        self.found.update(lower)

    original = Leadership._find
    patch.setattr(Leadership, "_find", find)


def no_op_over_an_accepted_value(patch: Patch) -> None:
    def value_for(self: Leadership, slot: int, *, is_gap: bool) -> Message:
        return NoOp() if slot < self.top else original(self, slot, is_gap=is_gap)

    original = Leadership._value_for
    patch.setattr(Leadership, "_value_for", value_for)


def majority_less_one(patch: Patch) -> None:
    def is_majority(those: Collection[int], members: Sequence[int]) -> bool:
        return 2 * (sum(member in those for member in members) + 1) > len(members) > 0

    for module in (leading_module, node_module):
        patch.setattr(module, "is_majority", is_majority)


def one_acceptor_counted_twice(patch: Patch) -> None:
    def accepted(self: Leadership, sender: int, ballot: Ballot, slot: int, effects: Effects) -> None:
        proposal = self.proposals.get(slot)
        if proposal is not None and ballot == self.ballot and sender in proposal.acceptors:
            members = self._ledger.membership.of(slot)
            sender = next((each for each in members if each not in proposal.acceptors), sender)
        original(self, sender, ballot, slot, effects)

    original = Leadership.accepted
    patch.setattr(Leadership, "accepted", accepted)


def accepted_of_another_ballot_counted(patch: Patch) -> None:
    def accepted(self: Leadership, sender: int, ballot: Ballot, slot: int, effects: Effects) -> None:
        original(self, sender, self.ballot, slot, effects)

    original = Leadership.accepted
    patch.setattr(Leadership, "accepted", accepted)


def acceptances_of_non_members_counted(patch: Patch) -> None:
    def is_majority(those: Collection[int], members: Sequence[int]) -> bool:
        return 2 * len(those) > len(members) > 0

    patch.setattr(leading_module, "is_majority", is_majority)


def decided_inferred_from_the_leaders_prefix(patch: Patch) -> None:
    def on_heartbeat(self: LogNode, sender: int, message: Heartbeat, effects: Effects) -> None:
        for slot, vote in sorted(self.ledger.accepted.items()):
            if slot < message.first and not self.ledger.is_decided(slot):
                self.leading.learn(slot, vote.value, effects)
        original(self, sender, message, effects)

    original = LogNode._on_heartbeat
    _handle(patch, Heartbeat, on_heartbeat)


def decide_of_another_ballot_counted(patch: Patch) -> None:
    """A server takes what it accepted in a slot for decided, in whatever ballot that was."""

    def on_decide(self: LogNode, sender: int, message: Decide, effects: Effects) -> None:
        vote = self.ledger.accepted.get(message.slot)
        if vote is not None and not self.ledger.is_decided(message.slot):
            self.leading.learn(message.slot, vote.value, effects)
        original(self, sender, message, effects)

    original = LogNode._on_decide
    _handle(patch, Decide, on_decide)


def told_before_it_is_durable(patch: Patch) -> None:
    """A server tells how much it knows decided, and forgets it in a crash."""

    def settle(self: Ledger, effects: Effects, *, at_once: bool) -> None:
        original(self, effects, at_once=False)

    original = Ledger.settle
    patch.setattr(Ledger, "settle", settle)


# Services and clients.


def applied_twice(patch: Patch) -> None:
    def apply(self: Clients, command: Command, slot: int) -> str:
        verdict = original(self, command, slot)
        return APPLY if verdict == REPEATED else verdict

    original = Clients.apply
    patch.setattr(Clients, "apply", apply)


def answered_when_decided(patch: Patch) -> None:
    def learn(self: Leadership, slot: int, value: Message, effects: Effects) -> bool:
        is_news = original(self, slot, value, effects)
        if is_news and isinstance(value, Command) and slot >= self._ledger.first and self.phase == LEADING:
            effects.answers.append(Done(value.client, value.number, slot))
        return is_news

    original = Leadership.learn
    patch.setattr(Leadership, "learn", learn)


def old_command_not_refused(patch: Patch) -> None:
    def apply(self: Clients, command: Command, slot: int) -> str:
        young = Command(command.client, command.number, slot, command.text)
        return original(self, young, slot)

    original = Clients.apply
    patch.setattr(Clients, "apply", apply)


# Snapshots.


def snapshot_without_the_client_table(patch: Patch) -> None:
    def pack_less(state: str, clients: Clients, membership: Membership) -> str:
        return pack(state, Clients(1), membership)

    patch.setattr(ledger_module, "pack", pack_less)


def snapshot_with_the_latest_list_only(patch: Patch) -> None:
    def pack_less(state: str, clients: Clients, membership: Membership) -> str:
        return pack(state, clients, Membership(membership.lists[-1:], membership.known))

    patch.setattr(ledger_module, "pack", pack_less)


def snapshot_without_the_list_in_force(patch: Patch) -> None:
    """A new member that never heard who the members were when it began makes a snapshot all the same."""
    patch.setattr(Ledger, "knows_members", True)


def snapshot_drops_votes_above_it(patch: Patch) -> None:
    def install(self: Ledger, snapshot: Snapshot, effects: Effects) -> None:
        self.accepted.clear()
        original(self, snapshot, effects)

    original = Ledger.install
    patch.setattr(Ledger, "install", install)


def snapshot_forgets_the_promise(patch: Patch) -> None:
    def begin_anew(self: Ledger, snapshot: Snapshot, effects: Effects) -> None:
        promised, self.promised = self.promised, Ballot.NONE
        original(self, snapshot, effects)
        self.promised = promised

    original = Ledger._begin_anew
    patch.setattr(Ledger, "_begin_anew", begin_anew)


# Members.


def members_in_force_at_once(patch: Patch) -> None:
    def advance(self: Ledger, answers: list[Any]) -> None:
        known = len(self.membership.lists)
        original(self, answers)
        lists = self.membership.lists
        early = self._options.window - 1
        lists[known:] = [(since - early, members) for since, members in lists[known:]]

    original = Ledger._advance
    patch.setattr(Ledger, "_advance", advance)


def new_members_not_asked(patch: Patch) -> None:
    def is_promised(self: Leadership, slot: int) -> bool:
        return original(self, self._ledger.first)

    original = Leadership._is_promised
    patch.setattr(Leadership, "_is_promised", is_promised)


def members_told_too_early(patch: Patch) -> None:
    def tell_members(self: Leadership, effects: Effects) -> None:
        for since, members in self._ledger.membership.lists:
            if self.phase == LEADING and since > self._announced:
                self._announced = since
                effects.answers.append(MembersInForce(since, members))

    patch.setattr(Leadership, "tell_members", tell_members)


# Liveness.


def left_out_servers_stay_silent(patch: Patch) -> None:
    def campaign(self: LogNode, effects: Effects) -> None:
        if self.id in self.ledger.membership.of(self.ledger.first):
            original(self, effects)
        else:
            self._await_silence()

    original = LogNode._campaign
    patch.setattr(LogNode, "_campaign", campaign)


def new_members_asked_from_an_old_slot(patch: Patch) -> None:
    def begin(self: Leadership, live: Iterable[int], effects: Effects) -> None:
        self._began_at = self._ledger.first  # type: ignore[attr-defined]
        original_begin(self, live, effects)

    def prepare(self: Leadership, member: int, effects: Effects, first: int | None = None) -> None:
        if self.phase == LEADING and first == self._ledger.first:
            first = self._began_at  # type: ignore[attr-defined]
        original(self, member, effects, first)

    original_begin, original = Leadership.begin, Leadership._prepare
    patch.setattr(Leadership, "begin", begin)
    patch.setattr(Leadership, "_prepare", prepare)


def names_of_leaders_never_forgotten(patch: Patch) -> None:
    patch.setattr(LogNode, "_leader_now", lambda self: self.leader)


def who_is_ahead_is_not_asked(patch: Patch) -> None:
    """A server answers one that is further than itself, and does not ask it."""

    def on_ask(self: LogNode, sender: int, message: Any, effects: Effects) -> None:
        self.catchup.bring_on(sender, message, effects)

    _handle(patch, Ask, on_ask)


BUGS: dict[str, Plant] = {
    "a promise that is not durable": promise_not_durable,
    "an acceptance that is not durable": acceptance_not_durable,
    "a lower ballot accepted": lower_ballot_accepted,
    "a value found and not adopted": value_not_adopted,
    "the value of the lowest ballot adopted": value_of_the_lowest_ballot,
    "a majority less one": majority_less_one,
    "one acceptor counted twice": one_acceptor_counted_twice,
    "Accepted of another ballot counted": accepted_of_another_ballot_counted,
    "acceptances of non-members counted": acceptances_of_non_members_counted,
    "a no-op over an accepted value": no_op_over_an_accepted_value,
    "state lost, and the id kept": state_lost_same_id,
    "a command applied twice": applied_twice,
    "a client answered when its command is decided": answered_when_decided,
    "a promise to a candidate that is behind": promise_to_a_candidate_that_is_behind,
    "decided inferred from the leader's prefix": decided_inferred_from_the_leaders_prefix,
    "a Decide of another ballot counted": decide_of_another_ballot_counted,
    "what is decided told before it is durable": told_before_it_is_durable,
    "an old command not refused": old_command_not_refused,
    "a snapshot without the table of clients": snapshot_without_the_client_table,
    "a snapshot with the latest list of members only": snapshot_with_the_latest_list_only,
    "a snapshot taken over drops the votes above it": snapshot_drops_votes_above_it,
    "a snapshot forgets the promise": snapshot_forgets_the_promise,
    "new members in force at once": members_in_force_at_once,
    "new members' promises not asked for": new_members_not_asked,
    "new members in force before they have what came before": members_told_too_early,
    "servers that were left out stay silent": left_out_servers_stay_silent,
    "new members asked from an old slot on": new_members_asked_from_an_old_slot,
    "who is ahead is answered, and not asked": who_is_ahead_is_not_asked,
}
"""How to plant each bug that the campaign finds, by what it is called in the documentation."""

OUT_OF_REACH: dict[str, Plant] = {
    "names of leaders never forgotten": names_of_leaders_never_forgotten,
    "a snapshot of who does not know the members in force": snapshot_without_the_list_in_force,
}
"""Bugs that the campaign's clients can live with, or that take a coincidence: directed tests catch them."""
