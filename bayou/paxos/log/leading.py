"""Leading: the proposer of every slot, in one ballot (*Paxos Made Simple*, section 3).

The first phase is run once for all slots from the first undecided one on; after that each slot costs one
second phase.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.inputs import Applied, Done, LeaderChanged, MembersInForce, NotLeader, Refused, Rejected
from bayou.paxos.log.membership import is_majority
from bayou.paxos.log.messages import Accept, Command, Decide, Members, NoOp, Prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import ClassVar

    from bayou.machine.messages import Message
    from bayou.paxos.effects import Effects
    from bayou.paxos.log.inputs import Submit
    from bayou.paxos.log.ledger import Ledger
    from bayou.paxos.log.messages import Promise, Vote
    from bayou.paxos.log.options import LogOptions

IDLE, TRYING, LEADING = "idle", "trying", "leading"
END = float("inf")


class Proposal:
    """A value that was proposed in a slot, and who has accepted it there in this ballot."""

    __slots__ = ("acceptors", "value")

    def __init__(self, value: Message) -> None:
        self.value = value
        self.acceptors: dict[int, None] = {}


class Leadership:
    """One server's attempts to lead, one after another.

    - ``phase``: IDLE, TRYING (waiting for promises) or LEADING; ``ballot``: the one of this attempt;
    - ``seen``: the highest ballot that was heard of;
    - ``covered``: of each server that promised, the slot up to which it told what it has accepted;
    - ``found``: of all that promises told, the vote of the highest ballot in each slot; ``top``: the highest
      slot among them, -1 without any;
    - ``used``: the highest slot proposed in; ``proposals``: the slots in flight;
    - ``queue``: what is to be proposed in free slots; ``under_way``: the commands of clients that are in the
      queue, or in the log and not applied;
    - ``skipped``: the slots to be left empty;
    - ``progress``: the first undecided slot of each server, as it was last reported.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_id", "_ledger", "_options")

    def __init__(self, id: int, ledger: Ledger, options: LogOptions) -> None:
        self._id = id
        self._ledger = ledger
        self._options = options
        self.seen = ledger.promised
        self._clear()

    def _clear(self) -> None:
        self.phase = IDLE
        self.ballot = Ballot.NONE
        self._needed: dict[int, None] = {}
        self.covered: dict[int, float] = {}
        self.found: dict[int, Vote] = {}
        self.top = -1
        self.used = -1
        self._next = 0
        self.proposals: dict[int, Proposal] = {}
        self.queue: list[Message] = []
        self.under_way: dict[tuple[int, int], None] = {}
        self.skipped: dict[int, None] = {}
        self._gaps: list[int] = []
        self._asked: dict[int, None] = {}
        self.progress: dict[int, int] = {}
        self._announced = 0

    # The first phase.

    def begin(self, live: Iterable[int], effects: Effects) -> None:
        """Try to lead, in a ballot above all that were seen, which is promised by this server itself before
        anybody hears of it. All of ``live`` have to promise, beside a majority."""
        ledger = self._ledger
        self.seen = max(self.seen, ledger.promised)
        self._clear()
        self.phase = TRYING
        self.ballot = self.seen = Ballot(self.seen.number + 1, self._id)
        self._needed = dict.fromkeys(live)
        ledger.promise(self.ballot, effects)
        self._find(self._id, ledger.accepted.values(), END)
        for member in ledger.membership.concerned(ledger.first):
            self._prepare(member, effects)
        self.go_on(effects)

    def _prepare(self, member: int, effects: Effects, first: int | None = None) -> None:
        """Ask a server for its promise, from our present first undecided slot on unless another is given."""
        if member != self._id:
            slot = self._ledger.first if first is None else first
            effects.sends.append((member, Prepare(self.ballot, slot)))

    def _find(self, server: int, votes: Iterable[Vote], upto: float) -> None:
        """A server has promised, and told what it has accepted in slots below ``upto``."""
        self.covered[server] = max(upto, self.covered.get(server, 0))
        for vote in votes:
            known = self.found.get(vote.slot)
            if not self._ledger.is_decided(vote.slot) and (known is None or vote.ballot > known.ballot):
                self.found[vote.slot] = vote
            self.top = max(self.top, vote.slot)

    def _note(self, value: Message) -> None:
        if isinstance(value, Command):
            self.under_way[value.client, value.number] = None

    def promised(self, sender: int, promise: Promise, effects: Effects) -> None:
        """A promise has come: P2c. It counts where it leaves out no slot that is undecided here."""
        if self.phase == IDLE or promise.ballot != self.ballot:
            return
        if promise.first > max(self._ledger.first, self.covered.get(sender, 0)):
            return  # it was asked for by an earlier part that has not come
        known = self.covered.get(sender, 0)
        self._find(sender, promise.accepted, END if promise.upto is None else promise.upto)
        if promise.upto is not None and promise.upto > known:  # no echo, which would ask for all parts again
            self._prepare(sender, effects, promise.upto)
        self.go_on(effects)

    def ask_again(self, server: int, effects: Effects) -> None:
        """We were behind, and have learnt something from ``server``: ask it again, in the same ballot, from
        our new first slot on."""
        if self.phase != IDLE and server not in self.covered:
            self._prepare(server, effects)

    def without(self, peer: int, effects: Effects) -> None:
        """A server can't be reached: what it reported is of no use, and its promise is not waited for."""
        self.progress.pop(peer, None)
        self._asked.pop(peer, None)
        if self._needed.pop(peer, self) is None and self.phase == TRYING:
            self.go_on(effects)

    def settle_for_a_majority(self, effects: Effects) -> None:
        """Time is up: wait for no others, and ask again."""
        self._needed.clear()
        self.resend(effects)
        self.go_on(effects)

    def _may_lead(self) -> bool:
        first = self._ledger.first
        return self._is_promised(first) and all(self.covered.get(server, 0) == END for server in self._needed)

    def _is_promised(self, slot: int) -> bool:
        """Whether a majority of the members of a slot have promised, and told what they accepted there."""
        promised = [server for server, upto in self.covered.items() if slot < upto]
        return is_majority(promised, self._ledger.membership.of(slot))

    # The second phase.

    def go_on(self, effects: Effects) -> None:
        """Do what can be done: lead, once there are the promises; propose, as long as there are slots."""
        if self.phase == TRYING and self._may_lead():
            self.phase = LEADING
            for slot in self._ledger.above:
                self._note(self._ledger.decided[slot])
            effects.answers.append(LeaderChanged(self._id))
        while self.phase == LEADING and self._propose_next(effects):
            pass

    def _propose_next(self, effects: Effects) -> bool:
        """Propose in one more slot, if there is anything to propose, a slot for it, and a majority that has
        promised; return whether something was done."""
        if len(self.proposals) >= (self._options.in_flight or self._options.window):
            return False
        if not self.queue and not self._gaps and self._next >= self._end_of_duty:
            return False  # as it is nearly always: there is nothing to propose
        gap = self._next_gap()
        slot = self._free_slot() if gap is None else gap
        if gap is None and not self._has_value_for(slot):
            return False
        if slot >= self._ledger.first + self._options.window:
            return gap is None and self._fill_below(slot)
        if not self._is_promised(slot):
            self._ask_members(slot, effects)
            return False
        self._propose(slot, self._value_for(slot, is_gap=gap is not None), effects)
        return True

    @property
    def _end_of_duty(self) -> int:
        """The slot below which there is something to propose in every slot, whatever clients want."""
        return max(self.top + 1, self._ledger.membership.last[0])

    def _next_gap(self) -> int | None:
        """Return the next of the skipped slots that are to be filled after all."""
        while self._gaps and (self._ledger.is_decided(self._gaps[0]) or self._gaps[0] in self.proposals):
            self._gaps.pop(0)
        return self._gaps[0] if self._gaps else None

    def _fill_below(self, slot: int) -> bool:
        """What is to be proposed would get a slot beyond the window: fill all skipped slots below; return
        whether there are any."""
        self._gaps = sorted(gap for gap in self.skipped if gap < slot)
        for gap in self._gaps:
            del self.skipped[gap]
        return bool(self._gaps)

    def _free_slot(self) -> int:
        """Return the next slot, passing over those that are to be left empty, unless something stands in a
        higher one, or other members have to be reached."""
        full = max(self.top, self._ledger.membership.last[0] - 1)
        slot = max(self._next, self._ledger.first)
        while self._ledger.is_decided(slot) or (slot in self.skipped and slot > full):
            slot += 1
        return slot

    def _has_value_for(self, slot: int) -> bool:
        return slot <= self.top or bool(self.queue) or slot < self._ledger.membership.last[0]

    def _value_for(self, slot: int, *, is_gap: bool) -> Message:
        """Return what has to be proposed in a slot, or may be: the value found in the highest ballot (P2c), a
        no-op below what was found, otherwise what waits."""
        if slot in self.found:
            return self.found[slot].value
        if is_gap or slot <= self.top or not self.queue:
            return NoOp()
        return self.queue.pop(0)

    def _ask_members(self, slot: int, effects: Effects) -> None:
        """Ask those members of a slot for promises who have not been asked, as new ones have not."""
        for member in self._ledger.membership.of(slot):
            if self.covered.get(member, 0) <= slot and member not in self._asked:
                self._asked[member] = None
                self._prepare(member, effects, max(self._ledger.first, int(self.covered.get(member, 0))))

    def _propose(self, slot: int, value: Message, effects: Effects) -> None:
        """Accept a value ourselves, and let the other members of the slot accept it."""
        require(slot not in self.proposals, f"slot {slot} was proposed in already, in this ballot")
        self._next = max(self._next, slot + 1)
        self.used = max(self.used, slot)
        self._note(value)
        self._ledger.accept(slot, self.ballot, value, effects)
        self.proposals[slot] = Proposal(value)
        accept = Accept(self.ballot, slot, value)
        for member in self._ledger.membership.of(slot):
            if member != self._id:
                effects.sends.append((member, accept))
        self._count(self._id, slot, effects)

    def accepted(self, sender: int, ballot: Ballot, slot: int, effects: Effects) -> None:
        """A server has accepted what was proposed in a slot, if it was in this ballot. To be followed by
        ``go_on``."""
        if self.phase == LEADING and ballot == self.ballot and slot in self.proposals:
            self._count(sender, slot, effects)

    def _count(self, acceptor: int, slot: int, effects: Effects) -> None:
        """Count an acceptance; the value is decided once a majority of the slot's members have accepted it,
        all in this ballot."""
        proposal = self.proposals[slot]
        proposal.acceptors[acceptor] = None
        if not is_majority(proposal.acceptors, self._ledger.membership.of(slot)):
            return
        concerned = self._ledger.membership.concerned(self._ledger.first)
        self.learn(slot, proposal.value, effects)
        decide = Decide(self.ballot, slot)
        for member in concerned:
            if member != self._id:
                effects.sends.append((member, decide))

    # What is decided, here or elsewhere.

    def learn(self, slot: int, value: Message, effects: Effects) -> bool:
        """A slot is decided: remember it, and tell the clients whose commands are applied by that. Return
        whether it is news."""
        start = len(effects.answers)
        if not self._ledger.learn(slot, value, effects):
            return False
        proposal = self.proposals.pop(slot, None)
        self.found.pop(slot, None)
        self.skipped.pop(slot, None)
        if proposal is not None and proposal.value != value and isinstance(proposal.value, Command):
            self.under_way.pop((proposal.value.client, proposal.value.number), None)
        for answer in effects.answers[start:]:
            if isinstance(answer, (Applied, Refused)) and (answer.client, answer.number) in self.under_way:
                del self.under_way[answer.client, answer.number]
                if isinstance(answer, Applied):
                    effects.answers.append(Done(answer.client, answer.number, answer.slot))
        return True

    def installed(self) -> None:
        """A snapshot was taken over: what was known of the slots below is of no use any more."""
        for slots in (self.proposals, self.found, self.skipped):
            for slot in [slot for slot in slots if slot < self._ledger.first]:
                del slots[slot]
        self.under_way.clear()  # what was proposed below may have come to nothing
        for value in self.queue:
            self._note(value)
        for proposal in self.proposals.values():
            self._note(proposal.value)
        for slot in self._ledger.above:
            self._note(self._ledger.decided[slot])

    def reported(self, server: int, first: int) -> None:
        """A server knows all slots below ``first`` decided, for good."""
        self.progress[server] = max(first, self.progress.get(server, 0))

    def tell_members(self, effects: Effects) -> None:
        """A change of members is done when a majority of the new ones know all that comes before them."""
        if self.phase != LEADING:
            return
        self.progress[self._id] = self._ledger.first
        for since, members in self._ledger.membership.lists:
            if since <= self._announced:
                continue
            ready = [server for server, first in self.progress.items() if first >= since]
            if is_majority(ready, members):
                self._announced = since
                effects.answers.append(MembersInForce(since, members))

    # What is asked of a leader.

    def submit(self, given: Submit, leader: int | None, effects: Effects) -> None:
        """A client wants a command carried out; ``leader`` is who leads as far as is known."""
        ledger, client, number = self._ledger, given.client, given.number
        last, slot = ledger.clients.last(client)
        if self.phase != LEADING:
            effects.answers.append(NotLeader(leader))
        elif number <= last:
            if number == last:
                effects.answers.append(Done(client, number, slot))
        elif ledger.clients.is_too_old(given.since, ledger.first):
            effects.answers.append(Refused(client, number))
        elif (client, number) not in self.under_way and not self._is_found(client, number):
            self.under_way[client, number] = None
            self.queue.append(Command(client, number, given.since, given.command))
            self.go_on(effects)

    def _is_found(self, client: int, number: int) -> bool:
        """Whether this command was found in a slot that is to get it."""
        values = [vote.value for vote in self.found.values() if vote.slot >= self._next]
        return any(
            isinstance(each, Command) and (each.client, each.number) == (client, number) for each in values
        )

    def change_members(self, members: Sequence[int], leader: int | None, effects: Effects) -> None:
        """Somebody wants other members."""
        wanted = Members(tuple(sorted(members)))
        if self.phase != LEADING:
            effects.answers.append(NotLeader(leader))
        elif not members or len(dict.fromkeys(members)) < len(members):
            effects.answers.append(Rejected("a list of members names somebody, and nobody twice"))
        elif wanted.members != self._ledger.membership.last[1] and not self._is_waiting(wanted):
            self.queue.append(wanted)
            self.go_on(effects)

    def _is_waiting(self, wanted: Members) -> bool:
        in_log = [proposal.value for proposal in self.proposals.values()]
        in_log += [self._ledger.decided[slot] for slot in self._ledger.above]
        return wanted in (*self.queue, *in_log)

    def skip(self, slots: Iterable[int], leader: int | None, effects: Effects) -> None:
        """Leave these slots empty, but for those up to the highest that was used, found or is decided."""
        if self.phase != LEADING:
            effects.answers.append(NotLeader(leader))
            return
        highest = max((self.used, self.top, self._ledger.first - 1, *self._ledger.above))
        refused = []
        for slot in slots:
            if slot > highest:
                self.skipped[slot] = None
            else:
                refused.append(slot)
        if refused:
            effects.answers.append(Rejected(f"slots up to {highest} are used", tuple(refused)))

    # Time.

    def resend(self, effects: Effects) -> None:
        """Send again what is unanswered."""
        membership, first = self._ledger.membership, self._ledger.first
        if self.phase == TRYING:
            for member in dict.fromkeys((*membership.concerned(first), *self._needed)):
                if self.covered.get(member, 0) < END:
                    self._prepare(member, effects, max(first, int(self.covered.get(member, 0))))
        elif self.phase == LEADING:
            self._asked.clear()
            for slot, proposal in sorted(self.proposals.items()):
                for member in membership.of(slot):
                    if member not in proposal.acceptors:
                        effects.sends.append((member, Accept(self.ballot, slot, proposal.value)))
            self.go_on(effects)

    def greet(self, peer: int, effects: Effects) -> None:
        """A server can be reached again: say to it what it has not answered."""
        membership, first = self._ledger.membership, self._ledger.first
        if self.phase == TRYING:
            if peer in membership.concerned(first) and self.covered.get(peer, 0) < END:
                self._prepare(peer, effects)
        elif self.phase == LEADING:
            for slot, proposal in sorted(self.proposals.items()):
                if peer in membership.of(slot) and peer not in proposal.acceptors:
                    effects.sends.append((peer, Accept(self.ballot, slot, proposal.value)))

    def stop(self) -> None:
        """Lead no longer, and try no longer."""
        self._clear()

    @property
    def is_at_rest(self) -> bool:
        """Whether it leads, and has nothing to propose, nor anything in flight."""
        if self.phase != LEADING or self.proposals or self._next_gap() is not None:
            return False
        return not self._has_value_for(self._free_slot())

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        if self.phase == IDLE:
            return
        ledger = self._ledger
        require(ledger.promised == self.ballot, "who leads, or tries to, has promised its own ballot")
        for slot in self.proposals:
            vote = ledger.accepted.get(slot)
            require(not ledger.is_decided(slot), f"slot {slot} is in flight, and decided")
            require(slot < ledger.first + self._options.window, f"slot {slot} is beyond the window")
            require(
                vote is not None and vote.ballot == self.ballot, f"slot {slot} is in flight without our vote"
            )
