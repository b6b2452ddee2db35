"""Votes in the commit group, on the wire and in journals: see bayou.core.votes."""

from __future__ import annotations

from bayou.core.group import MEMBERS_MAX
from bayou.core.past import CSN_MAX
from bayou.core.votes import NUMBER_MAX, Decree, Vote
from bayou.wire.columns import pack_name, pack_vector, unpack_name, unpack_vector
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def pack_vote(vote: Vote) -> object:
    """Return a vote as plain data; ``unpack_vote`` reads it."""
    decree = vote.accepted
    accepted: object = None
    if decree is not None:
        accepted = decree.number, pack_name(decree.leader), decree.base, pack_vector(decree.upto)
    return pack_name(vote.member), vote.epoch, vote.number, pack_name(vote.leader), accepted


def unpack_vote(plain: Any) -> Vote:
    """Return the vote that this plain data stands for; WireError where it stands for none."""
    member, epoch, number, leader, packed = _fields(plain, 5)
    accepted = None
    if packed is not None:
        of_number, of_leader, base, upto = _fields(packed, 4)
        _check(of_number, NUMBER_MAX)
        _check(base, CSN_MAX)
        accepted = Decree(of_number, unpack_name(of_leader), base, unpack_vector(upto))
    _check(epoch, CSN_MAX)
    _check(number, NUMBER_MAX)
    return Vote(unpack_name(member), epoch, number, unpack_name(leader), accepted)


def pack_votes(votes: tuple[Vote, ...]) -> object:
    """Return votes as plain data."""
    return tuple(map(pack_vote, votes))


def unpack_votes(plain: Any) -> tuple[Vote, ...]:
    """Return the votes that this plain data stands for; WireError where it stands for none."""
    if type(plain) is not tuple or len(plain) > MEMBERS_MAX:
        raise WireError("votes that are none, or more than a group has")
    return tuple(map(unpack_vote, plain))


def _fields(plain: Any, count: int) -> tuple[Any, ...]:
    if type(plain) is not tuple or len(plain) != count:
        raise WireError("a vote, or a decree, without the fields that it has")
    return plain


def _check(number: Any, most: int) -> None:
    if type(number) is not int or not 0 <= number <= most:
        raise WireError("a number in a vote that is out of range")
