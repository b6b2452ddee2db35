"""A server's part in the commit group (bayou.core.group, bayou.core.votes).

Votes travel with anti-entropy and need no messages of their own: each exchange ends with those that its
sender held when it put the items together. Every server passes on the latest votes that it knows; members
change their own. A group of one marks at once and needs no ballots.

After each input these rules are applied as long as one of them applies; a paused server does the first two
only:

- **commit**: a majority has accepted the same decree for the boundary;
- **enter**: the epoch has changed, and this server is a member: its vote begins anew;
- **promise**: a vote has a higher ballot than its own: take that, and keep what was accepted;
- **accept**: the leader of its ballot has accepted a decree for the boundary.

To begin a ballot (``lead``) and to propose is for whoever sets the pace: rounds in lock-step, which lead only
where a majority takes part (bayou.node.rounds), and gossip where servers run freely (bayou.node.gossip).
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.votes import NUMBER_MAX, Decree, Vote, Votes, first_vote
from bayou.node.records import Voted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from bayou.core.replica import Replica

    class Member(Protocol):
        """A server as this part of it sees it; see bayou.node.context."""

        paused: bool
        is_unsure: bool

        @property
        def replica(self) -> Replica: ...


class Voting:
    """The votes that a server knows, and its own among them.

    ``moved``: how often a vote that is known here has changed; ``has_moved``: whether one has since somebody
    set this to False.
    """

    UNCOMPARED = ("_earlier", "_kept", "_server", "has_moved", "moved")

    def __init__(self, server: Member) -> None:
        replica = server.replica
        self._server = server
        self._kept: Vote | None = None
        self._earlier: list[Vote] = []
        self.votes = Votes(replica.epoch, replica.group)
        self.moved = 0
        self.has_moved = False

    def restore(self, vote: Vote) -> None:
        """Go on from the vote that this server had before a crash."""
        self._kept = vote
        self._look_at_epoch()
        if vote.epoch == self.votes.epoch:
            self._note(vote)

    @property
    def own(self) -> Vote | None:
        """Its own vote, None where it is no member."""
        return self.votes.of(self._server.replica.name)

    @property
    def leads(self) -> bool:
        """Whether it leads the ballot that it has promised."""
        own = self.own
        return own is not None and own.number > 0 and own.leader is own.member

    @property
    def has_half(self) -> bool:
        """Whether at least half of the group is known to have processed the write that made it."""
        return 2 * len(self.votes.all()) >= len(self.votes.members)

    @property
    def is_free(self) -> bool:
        """Whether this server is in no group, and not needed any more by that which came after one that it
        was in: as long as less than half of the new group knows, only the old one may be able to go on."""
        was_in = self._kept is not None or self._server.replica.left is not None
        return self.own is None and (not was_in or self.has_half)

    @property
    def has_something(self) -> bool:
        """Whether this server is a member of a group of several that has something to commit."""
        replica = self._server.replica
        return len(replica.group) > 1 and self.own is not None and bool(replica.log.tentative)

    def take_in(self, votes: tuple[Vote, ...]) -> None:
        """Take notice of the votes at the end of an exchange, all items of which are here. PeerError for
        votes that can't be."""
        self._look_at_epoch()
        epoch, name = self.votes.epoch, self._server.replica.name
        for vote in votes:
            if vote.epoch > epoch:
                raise PeerError(f"a vote in the epoch {vote.epoch}, where {epoch} is that of an exchange")
            if vote.epoch == epoch:
                if vote.member is name:
                    self.votes.check(vote)  # it knows its own best, but others read what came here
                else:
                    self._note(vote)
        self.settle()

    def settle(self) -> None:
        """Apply the rules as long as one of them applies."""
        while self._commit() or self._enter() or self._promise() or self._accept():
            pass

    def to_keep(self) -> list[Voted]:
        """Return its own vote where it has changed since it was last made durable; before that the last one
        of an earlier epoch, where that has not been durable: it may have been the one that decided."""
        earlier, self._earlier = self._earlier, []
        kept = [Voted(vote) for vote in earlier if self._is_to_keep(vote)]
        own = self._own_or_left()
        return [*kept, Voted(own)] if own is not None and self._is_to_keep(own) else kept

    def _is_to_keep(self, vote: Vote) -> bool:
        is_news, self._kept = vote != self._kept, vote
        return is_news

    def _own_or_left(self) -> Vote | None:
        own, replica = self.own, self._server.replica
        if (
            own is None
            and replica.left is not None
            and (self._kept is None or self._kept.epoch < replica.left)
        ):
            own = first_vote(replica.name, replica.left)  # so that it knows for good that it was a member
        return own

    # What others are told of it, where servers run freely.

    def progress(self, votes: Iterable[Vote] | None = None) -> tuple[int, ...]:
        """Return how far votes have got, those known here or others: the epoch, and five numbers for each
        member."""
        known = self.votes if votes is None else Votes(self.votes.epoch, self.votes.members, votes)
        found = [known.epoch]
        for member in known.members:
            vote = known.of(member)
            found += (-1,) * 5 if vote is None else self._numbers(vote)
        return tuple(found)

    def _numbers(self, vote: Vote) -> tuple[int, ...]:
        """Return what orders the votes of a member, as numbers."""
        at = self.votes.members.index
        decree = vote.accepted
        leader = at(vote.leader) if vote.number else 0
        last = (-1, 0, 0) if decree is None else (decree.number, at(decree.leader), decree.base)
        return (vote.number, leader, *last)

    def is_ahead_of(self, progress: tuple[int, ...]) -> bool:
        """Whether a vote is known here that somebody lacks whose votes have got so far, in this epoch."""
        return _is_ahead(self.progress(), progress)

    def lacks(self, progress: tuple[int, ...]) -> bool:
        """Whether somebody whose votes have got so far knows one, in this epoch, that is not known here."""
        return _is_ahead(progress, self.progress())

    # For whoever sets the pace.

    @property
    def may_propose(self) -> bool:
        """Whether it leads a ballot that a majority has promised, and has not proposed anything yet for the
        boundary."""
        own = self.own
        if own is None or not self.leads or self._has_proposed(own) or len(self._server.replica.group) < 2:
            return False
        return self.votes.has_promises(own.ballot)

    def lead(self) -> None:
        """Begin a ballot above all that are known, if there is one."""
        own, number = self.own, self.votes.highest[0] + 1
        if own is not None and not self._server.is_unsure and number <= NUMBER_MAX:
            self._note(Vote(own.member, own.epoch, number, own.member, own.accepted))

    def propose(self) -> bool:
        """Propose what is to be committed next, where this server leads and may; return whether it did."""
        own, replica = self.own, self._server.replica
        if own is None or not self.may_propose or self._server.is_unsure:
            return False
        boundary = replica.boundary
        found = self.votes.to_take_over(own.ballot, boundary)
        if found is None and not replica.log.tentative:
            return False
        upto = replica.vector if found is None else found.upto
        decree = Decree(own.number, own.leader, boundary, upto)
        self._note(Vote(own.member, own.epoch, own.number, own.leader, decree))
        self.settle()
        return True

    def lead_round(self) -> None:
        """At the head of a round in which a majority takes part: propose, after having begun a ballot where
        this server leads none."""
        self.settle()
        if self.has_something:
            if not self.leads:
                self.lead()
            self.propose()

    # The rules.

    def _look_at_epoch(self) -> None:
        """Votes of an earlier epoch mean nothing any more."""
        replica = self._server.replica
        if replica.epoch != self.votes.epoch:
            if self.own is not None:
                self._earlier.append(self.own)
            self.votes = Votes(replica.epoch, replica.group)
            self._has_news()

    def _commit(self) -> bool:
        replica = self._server.replica
        self._look_at_epoch()
        if len(replica.group) < 2:
            return False
        boundary = replica.boundary
        decree = self.votes.decided(boundary)
        if decree is None:
            return False
        replica.decide(decree.base, decree.upto)
        return replica.boundary != boundary  # only a peer's error makes a decree that says nothing

    def _enter(self) -> bool:
        replica = self._server.replica
        if self.own is not None or not replica.is_in_group or replica.name not in self.votes.members:
            return False
        return self._note(first_vote(replica.name, replica.epoch))

    def _promise(self) -> bool:
        own = self._own_that_votes()
        if own is None or self.votes.highest <= own.ballot:
            return False
        return self._note(Vote(own.member, own.epoch, *self.votes.highest, own.accepted))

    def _accept(self) -> bool:
        own = self._own_that_votes()
        if own is None or self._has_proposed(own):
            return False
        leader = self.votes.of(own.leader)
        decree = None if leader is None else leader.accepted
        if decree is None or decree.ballot != own.ballot or decree.base != self._server.replica.boundary:
            return False
        return self._note(Vote(own.member, own.epoch, own.number, own.leader, decree))

    def _own_that_votes(self) -> Vote | None:
        server = self._server
        return None if server.paused or server.is_unsure else self.own

    def _has_proposed(self, own: Vote) -> bool:
        """Whether this member has accepted a decree for the boundary under its present ballot."""
        decree = own.accepted
        return (
            decree is not None
            and decree.ballot == own.ballot
            and decree.base == self._server.replica.boundary
        )

    def _note(self, vote: Vote) -> bool:
        is_news = self.votes.note(vote)
        if is_news:
            self._has_news()
        return is_news

    def _has_news(self) -> None:
        self.moved += 1
        self.has_moved = True


def _is_ahead(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether one has a later vote of some member than the other, in the same epoch."""
    if not one or not other or one[0] != other[0] or len(one) != len(other):
        return False
    return any(one[at : at + 5] > other[at : at + 5] for at in range(1, len(one), 5))
