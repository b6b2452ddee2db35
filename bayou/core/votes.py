"""Votes: how a group of several decides what is committed next (bayou.core.group).

A **decree** says: behind the CSN ``base`` commit all that the version vector ``upto`` knows and that is not
committed yet, in accept order, up to and including the first group write that counts. Whoever holds these
writes works out the same CSNs, so a decree needs no list of writes. For each base one decree is decided.

A **ballot** is (number, name of the member that leads it). A **vote** of a member tells the ballot that it
has promised, under which it accepts nothing of any lower one, and the last decree that it accepted. Votes
travel at the end of exchanges, behind all items: so whoever holds a vote holds the committed prefix up to the
base of its decree and all writes that this names.

The rules, each of which is needed (docs/group.md says what goes wrong without it):

- a member promises the highest ballot that it hears of, and keeps what it had accepted;
- the leader of a ballot proposes when a majority has promised just that ballot. Where one of them has
  accepted a decree with the same base, the leader takes over the one of the highest ballot; otherwise it is
  free;
- under one ballot there is one decree for each base;
- what a majority has accepted, under one ballot and with one base, is decided.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import PeerError
from bayou.core.group import majority
from bayou.core.name import ROOT, Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.core.vector import VersionVector

    Ballot = tuple[int, Name]

NUMBER_MAX = (1 << 62) - 1
"""The largest number of a ballot that is heeded, so that there is always a higher one."""


class Decree(Record):
    """What is committed behind ``base``; ``number`` and ``leader`` are those of the ballot under which it was
    accepted."""

    number: int
    leader: Name
    base: int
    upto: VersionVector

    @property
    def ballot(self) -> Ballot:
        """The ballot under which it was accepted."""
        return self.number, self.leader


class Vote(Record):
    """The vote of a member in an epoch: the ballot ``number`` of ``leader`` that it has promised, and the
    last decree that it accepted, None where there is none."""

    member: Name
    epoch: int
    number: int
    leader: Name
    accepted: Decree | None = None

    @property
    def ballot(self) -> Ballot:
        """The ballot that it has promised."""
        return self.number, self.leader

    @property
    def age(self) -> tuple[int, Name, int, Name, int]:
        """Of two votes of a member in an epoch the later one has more of this."""
        decree = self.accepted
        last = (-1, ROOT, -1) if decree is None else (decree.number, decree.leader, decree.base)
        return (self.number, self.leader, *last)

    def check_held(self, csn: int, vector: VersionVector) -> None:
        """Raise PeerError where whoever stands there can't hold this vote: it lacks some of the committed
        prefix in front of its decree, or of the writes that this names."""
        decree = self.accepted
        if decree is not None and not (decree.base <= csn and vector.covers(decree.upto)):
            raise PeerError(
                f"a vote of {self.member} for a decree behind CSN {decree.base}, without its writes"
            )


def first_vote(member: Name, epoch: int) -> Vote:
    """Return the vote of a member that has not heard of any ballot."""
    return Vote(member, epoch, 0, ROOT)


class Votes:
    """The latest votes that are known of the members of one group, in its epoch."""

    __slots__ = ("_latest", "epoch", "members")

    def __init__(self, epoch: int, members: Sequence[Name], votes: Iterable[Vote] = ()) -> None:
        """``votes``: those that are known; of others than this epoch no notice is taken."""
        self.epoch = epoch
        self.members = members
        self._latest: dict[Name, Vote] = {vote.member: vote for vote in votes if vote.epoch == epoch}

    def of(self, member: Name) -> Vote | None:
        """Return the latest vote of a member, None where none is known."""
        return self._latest.get(member)

    def all(self) -> tuple[Vote, ...]:
        """Return the latest votes, in the order of the members."""
        return tuple([self._latest[member] for member in self.members if member in self._latest])

    def note(self, vote: Vote) -> bool:
        """Take notice of a vote in this epoch; return whether it is news. PeerError for one that can't be, or
        that contradicts one that is known."""
        self.check(vote)
        decree, known = vote.accepted, self._latest.get(vote.member)
        if known is None or known.age < vote.age:
            self._latest[vote.member] = vote
            return True
        ours = known.accepted
        if known.age == vote.age and decree is not None and ours is not None and ours.upto != decree.upto:
            raise PeerError(f"two votes of {vote.member} for different decrees under one ballot")
        return False

    def check(self, vote: Vote) -> None:
        """Raise PeerError for a vote in this epoch that can't be."""
        decree, led = vote.accepted, self.members if vote.number else (ROOT,)
        if vote.member not in self.members or vote.leader not in led:
            raise PeerError(f"a vote of {vote.member} for {vote.leader} in a group that they are not in")
        if not 0 <= vote.number <= NUMBER_MAX:
            raise PeerError(f"a vote of {vote.member} in a ballot that nobody can have begun")
        if decree is not None and not (
            self.epoch <= decree.base
            and decree.number > 0
            and decree.leader in self.members
            and decree.ballot <= vote.ballot
        ):
            raise PeerError(f"a vote of {vote.member} for a decree that nobody can have made")

    @property
    def highest(self) -> Ballot:
        """The highest ballot that any member has promised."""
        return max([vote.ballot for vote in self._latest.values()], default=(0, ROOT))

    def decided(self, base: int) -> Decree | None:
        """Return the decree with that base that a majority has accepted under one ballot, or None."""
        found: dict[Ballot, list[Decree]] = {}
        for vote in self._latest.values():
            decree = vote.accepted
            if decree is not None and decree.base == base:
                found.setdefault(decree.ballot, []).append(decree)
        for decrees in found.values():
            if len(decrees) >= majority(len(self.members)):
                return decrees[0]
        return None

    def has_promises(self, ballot: Ballot) -> bool:
        """Whether a majority has promised just that ballot."""
        return len(self._promised(ballot)) >= majority(len(self.members))

    def to_take_over(self, ballot: Ballot, base: int) -> Decree | None:
        """Return the decree with that base which the leader of a ballot has to take over, from those who have
        promised it: that of the highest ballot; None where it is free."""
        decrees = [
            vote.accepted
            for vote in self._promised(ballot)
            if vote.accepted is not None and vote.accepted.base == base
        ]
        return max(decrees, key=lambda decree: decree.ballot, default=None)

    def _promised(self, ballot: Ballot) -> list[Vote]:
        return [vote for vote in self._latest.values() if vote.ballot == ballot]
