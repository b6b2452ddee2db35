"""Known bugs of the commit group, which can be planted in a process: see bayou.families.store.bugs.

Each leaves out a rule that looks as if it could be left out (bayou.core.votes).
"""

from __future__ import annotations

from bayou.core import past as past_module
from bayou.core import replica as replica_module
from bayou.core import votes as votes_module
from bayou.core.group import group_of
from bayou.core.replica import Replica
from bayou.core.votes import Decree, Vote, Votes
from bayou.core.write import GROUP
from bayou.families.store import commands as commands_module
from bayou.families.store.lockstep import LockStep
from bayou.machine.messages import Done
from bayou.node.exchange import Exchanges
from bayou.node.grouping import Grouping
from bayou.node.records import Voted
from bayou.node.retiring import Retiring
from bayou.node.server import Server
from bayou.node.voting import Voting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Ballot
    from bayou.core.write import Write
    from bayou.families.planting import Patch, Plant
    from bayou.node.messages import AntiEntropy


def _votes_ahead(patch: Patch) -> None:
    """Votes are heard with the first part of an exchange."""
    told: dict[tuple[int, int, int], tuple[Vote, ...]] = {}

    def send_parts(self: Exchanges, id: int, at: Any, outbound: Any) -> None:
        told.setdefault((self._server.id, id, outbound.serial), outbound.end.votes)
        original_send(self, id, at, outbound)

    def on_part(self: Exchanges, peer: int, message: AntiEntropy) -> None:
        server: Any = self._server
        inbound = self._peers.of(peer).inbound
        votes = told.get((peer, server.id, message.serial), ())
        if inbound is not None and inbound.serial == message.serial and votes and server.voting is not None:
            server.voting.take_in(tuple([vote for vote in votes if vote.epoch <= server.replica.epoch]))
        original_part(self, peer, message)

    original_send, original_part = Exchanges._send_parts, Exchanges.on_part
    patch.setattr(Exchanges, "_send_parts", send_parts)
    patch.setattr(Exchanges, "on_part", on_part)


def votes_ahead_though_all_is_held(patch: Patch) -> None:
    """Votes are heard before the items; whoever accepts a decree, or takes it for decided, sees that it holds
    what that names."""

    def accept(self: Voting) -> bool:
        own = self.own
        leader = None if own is None else self.votes.of(own.leader)
        decree = None if leader is None else leader.accepted
        held = decree is None or self._server.replica.vector.covers(decree.upto)
        return held and original_accept(self)

    def commit(self: Voting) -> bool:
        self._look_at_epoch()
        decree = self.votes.decided(self._server.replica.boundary)
        held = decree is None or self._server.replica.vector.covers(decree.upto)
        return held and original_commit(self)

    original_accept, original_commit = Voting._accept, Voting._commit
    _votes_ahead(patch)
    patch.setattr(Voting, "_accept", accept)
    patch.setattr(Voting, "_commit", commit)


def adopts_nothing(patch: Patch) -> None:
    """A new leader is free, whatever it finds."""
    patch.setattr(Votes, "to_take_over", lambda self, ballot, base: None)


def adopts_the_lowest(patch: Patch) -> None:
    """A new leader takes over the decree of the lowest ballot."""

    def to_take_over(self: Votes, ballot: Ballot, base: int) -> Decree | None:
        found = [vote.accepted for vote in self._promised(ballot) if vote.accepted is not None]
        return min((one for one in found if one.base == base), key=lambda one: one.ballot, default=None)

    patch.setattr(Votes, "to_take_over", to_take_over)


def promise_forgets(patch: Patch) -> None:
    """Who promises a ballot forgets what it had accepted."""

    def promise(self: Voting) -> bool:
        own = self._own_that_votes()
        if own is None or self.votes.highest <= own.ballot:
            return False
        return self._note(Vote(own.member, own.epoch, *self.votes.highest))

    patch.setattr(Voting, "_promise", promise)


def _restored_vote(change: Callable[[Vote], Vote]) -> Plant:
    """Something of a member's own vote is lost in a crash."""

    def plant(patch: Patch) -> None:
        def restored(
            cls: type[Server], /, id: int, rng: Any, settings: Any, records: Iterable[Any], **rest: Any
        ) -> Server:
            kept = [Voted(change(one.vote)) if isinstance(one, Voted) else one for one in records]
            return original(id, rng, settings, kept, **rest)

        original = Server.restored
        patch.setattr(Server, "restored", classmethod(restored))

    return plant


def _without_decree(vote: Vote) -> Vote:
    return Vote(vote.member, vote.epoch, vote.number, vote.leader)


def _without_promise(vote: Vote) -> Vote:
    decree = vote.accepted
    if decree is None:
        return votes_module.first_vote(vote.member, vote.epoch)
    return Vote(vote.member, vote.epoch, decree.number, decree.leader, decree)


def _enough(count: Callable[[int], int]) -> Plant:
    """So many members decide."""
    return lambda patch: patch.setattr(votes_module, "majority", count)


def two_decrees_in_a_ballot(patch: Patch) -> None:
    """A leader changes its proposal where more has come, as long as that has not been decided."""

    def may_propose(self: Voting) -> bool:
        own = self.own
        if own is None or not self.leads or len(self._server.replica.group) < 2:
            return False
        if self._has_proposed(own) and own.accepted is not None:
            return own.accepted.upto != self._server.replica.vector
        return self.votes.has_promises(own.ballot)

    def propose(self: Voting) -> bool:
        own = self.own
        if own is None or not self.may_propose or self._server.is_unsure or not self._has_proposed(own):
            return original_propose(self)
        replica = self._server.replica
        decree = Decree(own.number, own.leader, replica.boundary, replica.vector)
        self.votes._latest[own.member] = Vote(own.member, own.epoch, own.number, own.leader, decree)
        self._has_news()
        self.settle()
        return True

    def note(self: Votes, vote: Vote) -> bool:
        known = self.of(vote.member)
        if known is not None and known.age == vote.age and known != vote:
            return False
        return original_note(self, vote)

    original_propose, original_note = Voting.propose, Votes.note
    patch.setattr(Voting, "may_propose", property(may_propose))
    patch.setattr(Voting, "propose", propose)
    patch.setattr(Votes, "note", note)


def decree_is_all_that_is_held(patch: Patch) -> None:
    """A decree commits whatever is tentative at whoever carries it out."""

    def decide(self: Replica, base: int, upto: VersionVector) -> int:
        return original(self, base, self.vector)

    original = Replica.decide
    patch.setattr(Replica, "decide", decide)


def decree_goes_on(patch: Patch) -> None:
    """A decree goes on behind the group write that ends its epoch."""

    def commit_known(self: Replica, writes: list[Write]) -> int:
        count = 0
        while count < len(writes):
            count += original(self, writes[count:])
        return count

    original = Replica._commit_known
    patch.setattr(Replica, "_commit_known", commit_known)


def every_group_write_counts(patch: Patch) -> None:
    """A group write counts whichever epoch it was made in."""

    def members_made(write: Write, epoch: int) -> tuple[Name, ...] | None:
        if write.kind == GROUP:
            return group_of(write.value).members  # type: ignore[arg-type]  # never a name
        return original(write, epoch)

    original = past_module.members_made
    patch.setattr(replica_module, "members_made", members_made)
    patch.setattr(past_module, "members_made", members_made)


def nobody_is_asked(patch: Patch) -> None:
    """Whoever is asked consents, retiring or not, and is not bound by it."""
    patch.setattr(Grouping, "consent", lambda self, epoch: Done())


def member_retires_like_anyone(patch: Patch) -> None:
    """A member retires without leaving the group first."""
    patch.setattr(commands_module, "leave_group", lambda system, server: None)
    patch.setattr(Retiring, "_is_needed", property(lambda self: False))


def gone_before_the_others_know(patch: Patch) -> None:
    """A former member is free as soon as it knows that it is none any more."""
    patch.setattr(Voting, "is_free", property(lambda self: self.own is None))


def csn_is_the_boundary(patch: Patch) -> None:
    """A decree begins wherever its leader stands, in the middle of another one too."""
    patch.setattr(Replica, "boundary", property(lambda self: self.csn))


def minority_proposes(patch: Patch) -> None:
    """In lock-step, any member leads, and proposes, whoever is connected to it."""

    def can_decide(self: LockStep, group: list[int]) -> bool:
        return len(self._stand_of(group).members) > 1 and bool(self._members_in(group))

    def plan(self: LockStep, group: list[int], attempt: int) -> Any:
        self._can_decide = lambda group: can_decide(self, group)  # type: ignore[method-assign]
        try:
            return original(self, group, attempt)
        finally:
            del self._can_decide

    def settle(self: LockStep, changed: Iterable[int], *, after_failure: bool = False) -> None:
        original_settle(self, changed, after_failure=True)

    original, original_settle = LockStep._plan, LockStep.settle
    patch.setattr(LockStep, "_plan", plan)
    patch.setattr(LockStep, "settle", settle)


OF_GROUPS: dict[str, Plant] = {
    "a new leader adopts nothing": adopts_nothing,
    "a promise lost in a crash": _restored_vote(_without_promise),
    "half of a group decides": _enough(lambda members: max(1, (members + 1) // 2)),
    "f of 2f+1 decide": _enough(lambda members: max(1, (members - 1) // 2)),
    "two decrees for a ballot and base": two_decrees_in_a_ballot,
    "a decree is all that one holds": decree_is_all_that_is_held,
    "a decree goes on behind a group write": decree_goes_on,
    "every group write counts": every_group_write_counts,
    "nobody is asked for consent": nobody_is_asked,
    "a member retires like any server": member_retires_like_anyone,
    "a member goes before half of the new group knows": gone_before_the_others_know,
}
"""Bugs that campaigns find."""

OF_LEADERS: dict[str, Plant] = {
    "votes ahead of the items": votes_ahead_though_all_is_held,
    "votes ahead of the items, and nothing held": _votes_ahead,
    "a promise forgets what was accepted": promise_forgets,
    "an accepted decree lost in a crash": _restored_vote(_without_decree),
    "the decree of the lowest ballot adopted": adopts_the_lowest,
    "the CSN taken for the boundary": csn_is_the_boundary,
    "a leader proposes with a minority": minority_proposes,
}
"""Bugs that take several leaders after one another, at the right moments: the model of the commit group finds
them (docs/testing.md), and most of them directed tests too (tests/test_group_bugs.py)."""
