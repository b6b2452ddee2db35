"""The product's own replica and votes in the random histories of the model (tests/group_driver.py).

Each server of such a world is two: the model's, and one of the product (tests/group_real.py). Both are told
the same, what the model composes for an exchange has to be what the product composes, and after each step,
each crash and each restart both have to stand the same. So what is checked of the model holds of the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bayou.core.errors import BayouError
from bayou.core.write import DELETE
from bayou.core.write import PUT as PUTS
from tests.group_driver import Outcome, Run, run_seed
from tests.group_model import Server
from tests.group_real import COLLECTION, NAMES, ROWS_MAX, End, Piece, Real, Rows, entries
from tests.group_rules import GROUP, PUT, Broken, Name, Rules, Vector, Vote, Write
from tests.group_world import World

if TYPE_CHECKING:
    import random

    from bayou.core.name import Name as CoreName
    from bayou.core.past import BasePosition
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Vote as CoreVote
    from bayou.core.write import Write as CoreWrite
    from tests.group_world import Item, Pull, Stream

CHECKED = 20
"""In one of so many histories the product's replica checks itself, and its rows, after each step."""
CHECKED_AT_END = 4
"""In one of so many it does in the end."""
BROKEN_OFF = 0.3
"""How often rows of a base come in without its end."""


class Both(Server):
    """A server of the model, and the product's beside it."""

    def __init__(self, name: Name, rules: Rules, target: tuple[Vector, int]) -> None:
        self.real = Real(NAMES[name])
        self.writes: dict[Write, CoreWrite] = {}
        self.compared = 0
        self.is_settling = False
        self.alike_vector: tuple[VersionVector, int, int] | None = None
        self.alike: dict[Name, tuple[Vote, CoreVote]] = {}
        super().__init__(name, rules, target)

    def accept(self, kind: int = PUT, since: int = 0, names: tuple[Name, ...] = ()) -> Write:
        write = super().accept(kind, since, names)
        real = self.real.accept(kind, names)
        if (real.stamp, real.server) != (write.stamp, NAMES[write.server]):
            raise Broken(f"the model accepts {write}, and the product {real}")
        self.writes[write] = real
        return write

    def consent(self, epoch: int) -> bool:
        is_leaving = self.wishes_to_go or not self.is_active
        consents = super().consent(epoch)
        if self.is_up and self.real.consent(epoch, is_leaving=is_leaving) is not consents:
            raise Broken(f"{self.name} consents to {epoch}, or the product does, but not both")
        return consents

    def truncate(self, csn: int) -> None:
        super().truncate(csn)
        self.real.truncate(csn)

    def settle(self, *, proposes: bool = True) -> None:
        self.is_settling = True
        super().settle(proposes=proposes)
        self.is_settling = False
        self.real.settle(proposes=proposes)

    def lead(self) -> bool:
        leads = super().lead()
        if leads:
            if self.real.voting is None:
                raise Broken(f"{self.name} has no votes in the product")
            self.real.voting.lead()
        return leads

    def propose(self) -> bool:
        proposes = super().propose()
        if not self.is_settling:  # where it is, the product's turn comes afterwards
            voting = self.real.voting
            if (voting is not None and voting.propose()) is not proposes:
                raise Broken(f"{self.name} proposes, or the product does, but not both")
        return proposes

    def restart(self) -> None:
        super().restart()
        self.real.restart()
        self.compared = 0
        self.alike_vector, self.alike = None, {}

    # Whether both stand the same.

    def compare(self, *, votes: bool) -> None:
        """Raise Broken where they do not. ``votes``: whether a group write has counted here, before which the
        product has no votes."""
        replica = self.real.replica
        group = tuple([NAMES[name] for name in self.group])
        model = (len(self.log), self.boundary, self.epoch, group, self.omitted, self.clock, self.is_retired)
        real = (
            replica.csn,
            replica.boundary,
            replica.epoch,
            replica.group,
            replica.past.omitted_csn,
            replica.clock.now,
            replica.retired,
        )
        if model != real:
            raise Broken(f"{self.name}: the model stands at {model}, the product at {real}")
        writes = self.writes
        start = max(self.compared, self.omitted)
        if start < len(self.log):
            stable = [*replica.log.stable(start, replica.csn)]
            while start + len(stable) < replica.csn:
                stable += replica.log.stable(start + len(stable), replica.csn)
            if [writes[write] for write in self.log[start:]] != stable:
                raise Broken(f"{self.name}: the model committed {self.log[start:]}, the product {stable}")
        self.compared = len(self.log)
        tentative = list(replica.log.tentative)
        if [writes[write] for write in self.tentative] != tentative:
            raise Broken(f"{self.name}: tentative are {self.tentative}, and of the product {tentative}")
        vector = replica.vector, len(self.has), len(self.log)
        if vector != self.alike_vector and entries(self.vector) != vector[0]._entries:
            raise Broken(f"{self.name}: the vector is {self.vector}, and the product's {vector[0]}")
        self.alike_vector = vector
        if self.real.grouping.is_bound is not (self.consented >= self.epoch):
            raise Broken(f"{self.name} is bound by a consent, or the product is, but not both")
        if votes:
            self._compare_votes()
        if not self.is_retired:
            self._compare_freedom()

    def check(self) -> None:
        """Raise Broken, or an error of the product, where this one contradicts itself, or its rows are not
        what was written."""
        replica = self.real.replica
        replica.check()
        for is_committed in (True, False):
            due: dict[str, Any] = {}
            for write in self.log if is_committed else [*self.log, *self.tentative]:
                real = self.writes[write]
                if real.kind == PUTS:
                    due[real.key] = real.value
                elif real.kind == DELETE:
                    due.pop(real.key, None)
            rows = replica.rows(COLLECTION, committed_only=is_committed)
            found = {key: value for key, value, *_ in rows}
            if found != due:
                raise Broken(f"{self.name} has the rows {found}, and was told {due}")

    def _compare_votes(self) -> None:
        voting = self.real.voting
        theirs: dict[CoreName, CoreVote] = {}
        if voting is not None:
            theirs = {vote.member: vote for vote in voting.votes.all() if vote.epoch == self.epoch}
        for name, vote in self.votes.items():
            found = theirs.pop(NAMES[name], None)
            if found is None:
                raise Broken(f"{self.name} knows of the vote of {name}, and the product does not")
            known = self.alike.get(name)
            if known is not None and known[0] is vote and known[1] is found:
                continue
            if not is_same(vote, found):
                raise Broken(f"{self.name}: {name} votes {vote}, and in the product {found}")
            self.alike[name] = vote, found
        if theirs:
            raise Broken(f"{self.name} does not know of votes that the product knows: {theirs}")

    def _compare_freedom(self) -> None:
        """Compare whether the group still needs it."""
        voting = self.real.voting
        is_free = self.name not in self.group and (
            not self.was_member or 2 * len(self.votes) >= len(self.group)
        )
        if (voting.is_free if voting is not None else not self.real.replica.is_in_group) is not is_free:
            raise Broken(f"{self.name} is free to go, or in the product, but not both: {is_free}")


def is_same(vote: Vote, real: CoreVote) -> bool:
    """Whether a vote of the model and one of the product say the same."""
    if (real.number, real.leader) != (vote.ballot[0], NAMES[vote.ballot[1]]):
        return False
    decree = real.accepted
    if decree is None or vote.upto is None:
        return decree is None and vote.upto is None
    number, leader = vote.accepted
    return (decree.number, decree.leader, decree.base) == (number, NAMES[leader], vote.base) and (
        decree.upto._entries == entries(vote.upto)
    )


def compare_news(sender: Both, receiver: Both) -> None:
    """Compare whether one has votes that are news to another, which gossip goes by."""
    ours, theirs = sender.real.voting, receiver.real.voting
    if ours is None or theirs is None or sender.epoch != receiver.epoch or not sender.is_up:
        return
    is_news = any(
        name not in receiver.votes or vote[:3] > receiver.votes[name][:3]
        for name, vote in sender.votes.items()
    )
    found = ours.is_ahead_of(theirs.progress()), theirs.lacks(ours.progress())
    if found != (is_news, is_news):
        raise Broken(f"{sender.name} has news for {receiver.name}: {is_news}, in the product {found}")


class RealWorld(World):
    """A world in which each server is the model's and the product's."""

    def __init__(self, rules: Rules, rng: random.Random, *, proposes: bool = True) -> None:
        self.writes: dict[Write, CoreWrite] = {}
        self.checks = False
        self.asked: dict[int, tuple[VersionVector, BasePosition | None]] = {}
        self.answering = 0
        self.voting_from = 0
        super().__init__(rules, rng, proposes=proposes)

    def made(self, name: Name, target: tuple[Vector, int]) -> Server:
        made = Both(name, self.rules, target)
        made.writes = self.writes
        return made

    def pull(self, receiver: Server, sender: Server) -> Pull:
        pull = super().pull(receiver, sender)
        real = cast("Both", receiver).real
        self.asked[pull[2]] = real.replica.vector, real.position
        if 0 < self.voting_from <= sender.epoch:
            compare_news(cast("Both", sender), cast("Both", receiver))
        return pull

    def answer(self, pull: Pull) -> Stream | None:
        self.answering = pull[2]
        stream = super().answer(pull)
        if stream is not None and stream.items[0][0] == "base" and self.rng.random() < BROKEN_OFF:
            cast("Both", pull[0]).real.replica.receive_base(cast("Piece", stream.items[0]).real.rest[0])
        return stream

    def composed(self, sender: Server, vector: Vector, csn: int) -> list[Item]:
        items = super().composed(sender, vector, csn)
        real = cast("Both", sender).real
        asked, position = self.asked[self.answering]
        past = real.replica.past
        pieces: list[Item] = []
        if past.omitted_csn > csn or items[0][0] == "base":
            if items[0][0] != "base" or past.base.csn != len(items[0][1]):
                raise Broken(f"{sender.name} sends {items}, and in the product {past.base}")
            rows_max = self.rng.choice((1, 2, ROWS_MAX))
            rest, whole = real.chunks(csn, position, rows_max), real.chunks(csn, None, rows_max)
            return [_piece(items[0], Rows(rest, whole, past.base), 0)]
        found = real.replica.beyond(csn, asked)
        told = [*found.committed, *found.tentative]
        due = [
            self.writes[write].notice() if is_notice else self.writes[write]
            for _, write, is_notice in items[:-1]
        ]
        if told != due:
            raise Broken(f"{sender.name} sends {items}, and in the product {found}")
        for item, each in zip(items, told, strict=False):
            pieces.append(_piece(item, each, item[0] - 1 if item[0] else real.replica.csn))
        pieces.append(_piece(items[-1], End(real), real.replica.csn))
        return pieces

    def take(self, receiver: Server, item: Item) -> None:
        super().take(receiver, item)
        piece = cast("Piece", item)
        cast("Both", receiver).real.take(piece[0], piece.csn, piece.real)

    def cut(self, server: Server) -> None:
        is_kept = self.rng.random() < 0.5
        if not is_kept:
            del server.journal[server.kept :]
        cast("Both", server).real.end_step(kept=is_kept)

    def done(self, server: Server, cut: float = 0.0) -> bool:
        both = cast("Both", server)
        crashed = super().done(server, cut)
        if not crashed:
            both.real.end_step(kept=True)
        if not self.voting_from:
            counting = (epoch for epoch in self.groups if epoch and self.order[epoch - 1].kind == GROUP)
            self.voting_from = next(counting, 0)
        both.compare(votes=0 < self.voting_from <= both.epoch)
        if self.checks:
            both.check()
        return crashed


def _piece(item: Item, real: object, csn: int) -> Piece:
    piece = Piece(item)
    piece.real, piece.csn = real, csn
    return piece


class RealRun(Run):
    """One history of the model and the product together."""

    world_type = RealWorld

    def __init__(self, seed: int, rules: Rules) -> None:
        super().__init__(seed, rules)
        self.seed = seed
        cast("RealWorld", self.world).checks = seed % CHECKED == 0

    def play(self) -> None:
        try:
            super().play()
            for server in self.world.servers if self.seed % CHECKED_AT_END == 0 else ():
                cast("Both", server).check()
        except BayouError as error:
            raise Broken(f"the product raises {type(error).__name__}: {error}") from error


def run_real(seed: int, *, told: bool = False) -> Outcome:
    """Run one history of the model and the product together."""
    return run_seed(seed, Rules(), told=told, run_type=RealRun)
