"""Bugs planted in the bare roles, and what catches each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bayou.paxos.learner
import bayou.paxos.proposer
from bayou.paxos import (
    Accept,
    Accepted,
    AcceptedRecord,
    Acceptor,
    Ballot,
    Effects,
    Learner,
    Promised,
    Proposer,
    Used,
)
from tests import test_paxos_roles as roles

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.families.planting import Patch


def _without(kind: type) -> Callable[[Callable[..., Effects]], Callable[..., Effects]]:
    """Wrap a method so that what it returns has no records of that kind."""

    def wrap(method: Callable[..., Effects]) -> Callable[..., Effects]:
        def forgetting(*arguments: Any) -> Effects:
            effects = method(*arguments)
            effects.durable = [record for record in effects.durable if not isinstance(record, kind)]
            return effects

        return forgetting

    return wrap


def promise_not_durable(patch: Patch) -> None:
    """An acceptor promises, and a crash makes it forget that."""
    patch.setattr(Acceptor, "receive", _without(Promised)(Acceptor.receive))


def acceptance_not_durable(patch: Patch) -> None:
    """An acceptor accepts, and a crash makes it forget that."""
    patch.setattr(Acceptor, "receive", _without(AcceptedRecord)(Acceptor.receive))


def lower_ballot_accepted(patch: Patch) -> None:
    """An acceptor accepts whatever it is asked to, whatever it has promised."""

    def accept(self: Acceptor, sender: int, proposal: Accept, effects: Effects) -> None:
        self.promised = max(self.promised, proposal.ballot)
        self.accepted = Accepted(proposal.ballot, proposal.value)
        effects.durable.append(AcceptedRecord(proposal.ballot, proposal.value))
        effects.sends += [(node, self.accepted) for node in dict.fromkeys((sender, *self.learners))]

    patch.setattr(Acceptor, "_accept", accept)


def _proposing(patch: Patch, choose: Callable[[list[Accepted], str | None], str | None]) -> None:
    def propose(self: Proposer, effects: Effects) -> None:
        if self.is_prepared and self._proposed is None:
            found = [accepted for accepted in self._promises.values() if accepted is not None]
            self._proposed = choose(found, self.wish)
            if self._proposed is not None:
                accept = Accept(self.ballot, self._proposed)
                effects.sends += [(acceptor, accept) for acceptor in self.acceptors]

    patch.setattr(Proposer, "_propose_once_prepared", propose)


def value_not_adopted(patch: Patch) -> None:
    """A proposer proposes its own value, whatever has been accepted."""
    _proposing(patch, lambda found, wish: wish)


def value_from_the_lowest_ballot(patch: Patch) -> None:
    """A proposer takes the value that was accepted with the lowest ballot."""
    _proposing(
        patch, lambda found, wish: min(found, key=lambda accepted: accepted.ballot).value if found else wish
    )


def majority_less_one(patch: Patch) -> None:
    """Half of all, rounded down, is thought to be enough."""
    for module in (bayou.paxos.learner, bayou.paxos.proposer):
        patch.setattr(module, "majority", lambda members: max(1, len(members) // 2))


def promise_counted_twice(patch: Patch) -> None:
    """A proposer counts promises, and not those who promised."""

    def take(self: Proposer, sender: int, promise: Any, effects: Effects) -> None:
        if promise.ballot == self.ballot and self.is_live and self._proposed is None:
            self._promises[sender + 100 * len(self._promises)] = promise.accepted
            self._propose_once_prepared(effects)

    patch.setattr(Proposer, "_take_promise", take)


def acceptor_counted_twice(patch: Patch) -> None:
    """A learner takes what an acceptor says again for what another one says."""
    right = Learner.receive

    def receive(self: Learner, sender: int, message: Any) -> Effects:
        if isinstance(message, Accepted):
            heard = self._votes.get(message.ballot, {})
            if sender in heard:
                sender = next(acceptor for acceptor in self.acceptors if acceptor not in heard)
        return right(self, sender, message)

    patch.setattr(Learner, "receive", receive)


def accepted_of_another_ballot_counted(patch: Patch) -> None:
    """A learner counts who accepted a value, in whichever ballots."""
    right = Learner.receive

    def receive(self: Learner, sender: int, message: Any) -> Effects:
        if isinstance(message, Accepted):
            message = Accepted(Ballot.NONE, message.value)
        return right(self, sender, message)

    patch.setattr(Learner, "receive", receive)


def proposer_counts_another_ballot(patch: Patch) -> None:
    """A proposer counts acceptances of ballots that it has given up."""

    def take(self: Proposer, sender: int, accepted: Accepted, effects: Effects) -> None:
        if self._proposed is not None and accepted.value == self._proposed:
            self._accepted[sender] = None
            if len(self._accepted) >= self._majority:
                self._choose(accepted.value, effects)

    patch.setattr(Proposer, "_take_accepted", take)


def ballot_used_again(patch: Patch) -> None:
    """A proposer prepares, and a crash makes it forget in which ballot."""
    patch.setattr(Proposer, "prepare", _without(Used)(Proposer.prepare))


@dataclass(frozen=True)
class Bug:
    """``plant`` plants it. The judge catches it by its ``rule`` in a town with ``seed``; a walk with
    one ballot each finds it, if ``is_walked_into``; a directed ``test`` fails."""

    plant: Callable[[Patch], None]
    rule: int
    seed: int
    is_walked_into: bool
    test: Callable[[], None]


BUGS = {
    "promise not durable": Bug(
        promise_not_durable, 8, 0, True,
        roles.test_phase_1_b_an_acceptor_promises_and_the_promise_is_durable_first,
    ),
    "acceptance not durable": Bug(
        acceptance_not_durable, 8, 0, True,
        roles.test_p1a_an_acceptor_accepts_what_it_has_not_promised_to_refuse,
    ),
    "lower ballot accepted": Bug(
        lower_ballot_accepted, 8, 0, True,
        lambda: roles.test_an_acceptor_refuses_what_is_below_its_promise(Accept(roles.LOW, "a")),
    ),
    "value not adopted": Bug(
        value_not_adopted, 1, 0, True,
        lambda: roles.test_p2c_a_proposer_takes_the_value_of_the_highest_numbered_proposal(
            (None, Accepted(roles.HIGH, "theirs"))
        ),
    ),
    "value from the lowest ballot": Bug(
        value_from_the_lowest_ballot, 1, 10, False,
        lambda: roles.test_p2c_a_proposer_takes_the_value_of_the_highest_numbered_proposal(
            (Accepted(roles.HIGH, "theirs"), Accepted(roles.LOW, "older"))
        ),
    ),
    "a majority less one": Bug(
        majority_less_one, 9, 0, True, lambda: roles.test_a_majority_is_more_than_half_of_all(3, 2)
    ),
    "one acceptor's promise counted twice": Bug(
        promise_counted_twice, 1, 17, True,
        roles.test_phase_2_a_waits_for_a_majority_of_distinct_acceptors,
    ),
    "one acceptor counted twice": Bug(
        acceptor_counted_twice, 9, 8, True, roles.test_section_2_3_a_learner_counts_distinct_acceptors
    ),
    "Accepted of another ballot counted": Bug(
        accepted_of_another_ballot_counted, 9, 8, True, roles.test_a_learner_counts_each_ballot_alone
    ),
    "Accepted of another ballot counted by a proposer": Bug(
        proposer_counts_another_ballot, 9, 460, False,
        roles.test_a_value_is_chosen_once_a_majority_has_accepted_it,
    ),
    "a ballot used again after restart": Bug(
        ballot_used_again, 7, 0, False, roles.test_section_2_5_no_ballot_is_used_twice
    ),
}  # fmt: skip
"""By name. The two that a walk with one ballot each can't find need more of them; a ballot used again is seen
as two uses, as it takes two wishes of one proposer until it does harm."""
