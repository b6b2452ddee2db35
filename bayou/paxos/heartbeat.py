"""A node with a clock: one at a time leads, so that no two proposers overtake each other for ever."""

from __future__ import annotations

from bayou.paxos.answers import LeaderChanged, Preempted
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.messages import Accept, Decide, Heard, Heartbeat, Nack, Prepare
from bayou.paxos.node import Node
from bayou.paxos.quorum import majority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.machine.machine import Randomness
    from bayou.machine.messages import Message

BACK_OFF_MAX = 8
SILENCE_MAX = 3
"""A leader that has heard from no majority for so many election time-outs stops leading."""

_BITS = 53


class HeartbeatNode(Node):
    """The distinguished proposer of *Paxos Made Simple*, section 2.4, elected by time-outs.

    Who has the promises of a majority leads, and says so in heartbeats. The others prepare only after they
    have heard no leader for a time drawn from one to two ``election_s``, times a back-off that doubles with
    each try up to 8, and is 1 again when a leader is heard. What one of them wants decided it tells the
    leader. A leader stops leading when it promises, or is refused with, a higher ballot, and when it has
    heard from no majority for three ``election_s``. It rests once all others have said that they know the
    value; those who know it never campaign.

    Each method takes ``now`` first: seconds on a clock that never goes back, the same for all calls.

    - ``leader``: who leads as far as it knows, None for nobody; LeaderChanged is answered with each change;
    - ``is_leader``: whether this node does;
    - ``wake_at``: when to call ``tick`` at the latest, None for never.
    """

    def __init__(
        self,
        node: int,
        nodes: Sequence[int],
        records: Iterable[object] = (),
        *,
        rng: Randomness,
        heartbeat_s: float,
        election_s: float,
    ) -> None:
        """``rng`` is a random.Random; a leader sends a heartbeat every ``heartbeat_s``, of which several
        should fit into ``election_s``."""
        super().__init__(node, nodes, records)
        self.leader: int | None = None
        self._rng = rng
        self._heartbeat_s = heartbeat_s
        self._election_s = election_s
        self._back_off = 1
        self._campaign_at: float | None = None  # None until the first call tells the time
        self._beat_at: float | None = None
        self._heard_at: dict[int, float] = {}
        self._knowing: dict[int, None] = {}

    @property
    def is_leader(self) -> bool:
        """Whether this node leads."""
        return self.leader == self.node

    @property
    def wake_at(self) -> float | None:
        """When to call ``tick`` at the latest, None for never; at once before anything else is called."""
        if self._campaign_at is None:
            return 0.0
        waits = [self._beat_at, None if self.is_leader or self.value is not None else self._campaign_at]
        return min((at for at in waits if at is not None), default=None)

    def propose(self, now: float, value: str) -> Effects:  # type: ignore[override]
        """Try to get ``value`` chosen: a leader does at once, and others ask the leader to."""
        self._begin(now)
        if self.value is not None or self.is_leader:
            return self._follow_up(now, super().propose(value))
        self.proposer.wish = value
        effects = Effects()
        if self.leader is not None:
            effects.sends.append((self.leader, Heard(Ballot.NONE, value)))
        return effects

    def prepare(self, now: float) -> Effects:  # type: ignore[override]
        """Campaign now, without waiting for silence."""
        self._begin(now)
        effects = self._campaign(now) if self.value is None else super().prepare()
        return self._follow_up(now, effects)

    def receive(self, now: float, sender: int, message: Message) -> Effects:  # type: ignore[override]
        """Take a message of another node."""
        self._begin(now)
        if sender not in self.others:
            return Effects()
        self._heard_at[sender] = now
        promised = self.acceptor.promised
        if isinstance(message, Heartbeat):
            effects = self._hear(now, sender, message.ballot)
        elif isinstance(message, Heard):
            effects = self._help(message)
        else:
            effects = super().receive(sender, message)
        if isinstance(message, Decide):
            self._knowing[sender] = None
        elif isinstance(message, Accept) and message.ballot == self.acceptor.promised:
            self._follow(now, message.ballot.node, effects)
        elif isinstance(message, Prepare) and self.acceptor.promised > promised:
            self._wait(now)  # that candidate gets a chance
        elif any(isinstance(answer, Preempted) for answer in effects.answers):
            self._wait(now)
        return self._follow_up(now, effects)

    def resend(self, now: float, everyone: bool = False) -> Effects:  # type: ignore[override]
        """Ask again those who have not answered, which ``tick`` does at each heartbeat anyway."""
        self._begin(now)
        return self._follow_up(now, super().resend(everyone))

    def tick(self, now: float) -> Effects:
        """Time has passed: a heartbeat is due, or a campaign."""
        self._begin(now)
        effects = Effects()
        if self.is_leader and self._beat_at is not None and not self._has_majority(now):
            self._lead_no_more(now, effects)
        if self._beat_at is not None and now >= self._beat_at:
            _add(effects, self._beat(now))
        if self.value is None and not self.is_leader and now >= (self._campaign_at or 0.0):
            _add(effects, self._campaign(now))
        return self._follow_up(now, effects)

    def link_down(self, now: float, peer: int) -> Effects:
        """The connection to another node is gone. That of the leader counts as silence: in a circle by id the
        node next to it campaigns at once, the one after it a heartbeat later, and so on."""
        self._begin(now)
        if peer == self.leader and self._campaign_at is not None:
            circle = sorted(self.nodes)
            place = (circle.index(self.node) - circle.index(peer)) % len(circle)
            self._campaign_at = min(self._campaign_at, now + (place - 1) * self._heartbeat_s)
        return Effects()

    # Leading.

    def _campaign(self, now: float) -> Effects:
        """Prepare a ballot above all seen; the next try comes after twice the time."""
        effects = Effects()
        self._turn_to(None, effects)
        self._back_off = min(BACK_OFF_MAX, 2 * self._back_off)
        self._wait(now)
        self._beat_at = now + self._heartbeat_s
        _add(effects, super().prepare())
        return effects

    def _beat(self, now: float) -> Effects:
        """Send again what is unanswered; a leader says besides that it leads, and what is decided, to those
        who may not know that yet."""
        self._beat_at = now + self._heartbeat_s
        effects = super().resend()
        if self.is_leader:
            _add(effects, self._say_who_leads())
        return effects

    def _say_who_leads(self) -> Effects:
        effects = Effects()
        ignorant = [other for other in self.others if self.value is None or other not in self._knowing]
        if self.value is not None:
            effects.sends += [(other, Decide(self.value)) for other in ignorant]
        effects.sends += [(other, Heartbeat(self.proposer.ballot)) for other in ignorant]
        return effects

    def _help(self, heard: Heard) -> Effects:
        """Propose what another node wants decided where there is nothing else to propose."""
        if self.is_leader and heard.value is not None and self.proposer.wish is None:
            return super().propose(heard.value)
        return Effects()

    def _has_majority(self, now: float) -> bool:
        silent_s = SILENCE_MAX * self._election_s
        heard = sum(now - at < silent_s for at in self._heard_at.values())
        return 1 + heard >= majority(self.nodes)

    def _lead_no_more(self, now: float, effects: Effects) -> None:
        self.proposer.abandon()
        self._beat_at = None
        self._turn_to(None, effects)
        self._wait(now)

    # Following.

    def _hear(self, now: float, sender: int, ballot: Ballot) -> Effects:
        """A heartbeat: who knows the value answers with that, and who has promised more with a Nack."""
        effects = Effects()
        self.proposer.see(ballot)
        if self.value is not None:
            effects.sends.append((sender, Decide(self.value)))
        elif ballot < self.acceptor.promised:
            effects.sends.append((sender, Nack(ballot, self.acceptor.promised)))
        elif ballot.node == sender:
            self._follow(now, sender, effects)
            effects.sends.append((sender, Heard(ballot, self.proposer.wish)))
        return effects

    def _follow(self, now: float, leader: int, effects: Effects) -> None:
        """Somebody leads with a ballot that is not below what this node has promised, its own among that."""
        if leader not in self.others:
            return
        self.proposer.abandon()
        self._back_off = 1
        self._wait(now)
        self._turn_to(leader, effects)

    # Both.

    def _begin(self, now: float) -> None:
        if self._campaign_at is None:
            self._wait(now)

    def _wait(self, now: float) -> None:
        """Draw anew how long to wait for a leader."""
        share = self._rng.getrandbits(_BITS) / (1 << _BITS)
        self._campaign_at = now + (1 + share) * self._election_s * self._back_off

    def _turn_to(self, leader: int | None, effects: Effects) -> None:
        if self.leader != leader:
            self.leader = leader
            effects.answers.append(LeaderChanged(leader))

    def _follow_up(self, now: float, effects: Effects) -> Effects:
        """Begin to lead, or stop, as the ballot now stands, and rest where there is nothing left to do."""
        if self.acceptor.promised > self.proposer.ballot:
            self.proposer.abandon()
        if self.proposer.is_prepared and not self.is_leader:
            self._back_off = 1
            self._turn_to(self.node, effects)
            self._beat_at = now + self._heartbeat_s
            _add(effects, self._say_who_leads())
        elif self.is_leader and not self.proposer.is_prepared:
            self._lead_no_more(now, effects)
        if not self.proposer.is_live:
            self._beat_at = None
        is_done = self.value is not None and (not self.is_leader or len(self._knowing) == len(self.others))
        if is_done:
            self._beat_at = None
        return effects


def _add(effects: Effects, more: Effects) -> None:
    effects.durable += more.durable
    effects.sends += more.sends
    effects.answers += more.answers
