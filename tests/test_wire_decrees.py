"""Messages of a log on the wire: many values in one message, and texts that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Command, Decree, Decrees, LogValue, Members, NoOp, Promise, Vote
from bayou.wire.codec import decode, encode
from bayou.wire.decrees import pack_ballot, pack_value, unpack_ballot, unpack_value
from bayou.wire.errors import WireError

WHOLE = st.integers(-(2**63), 2**63)
TEXTS = st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
VALUES: st.SearchStrategy[LogValue] = st.one_of(
    st.just(NoOp()),
    st.builds(Members, st.lists(WHOLE).map(tuple)),
    st.builds(Command, WHOLE, WHOLE, WHOLE, TEXTS),
)


@given(VALUES)
def test_every_value_comes_back(value: LogValue) -> None:
    assert unpack_value(pack_value(value)) == value


@given(WHOLE, WHOLE)
def test_every_ballot_comes_back(number: int, node: int) -> None:
    back = unpack_ballot(pack_ballot(Ballot(number, node)))
    assert back == Ballot(number, node)
    assert type(back) is Ballot


def test_as_many_decrees_and_votes_as_fit_into_one_message() -> None:
    """As many as 64 KiB hold, each with a value of its own."""
    values = [Command(1, number, 0, "") for number in range(1024)]
    decrees = Decrees(tuple(Decree(slot, value) for slot, value in enumerate(values)), 1024)
    votes = tuple(Vote(slot, Ballot(7, 2), value) for slot, value in enumerate(values))
    promise = Promise(Ballot(8, 1), 0, None, votes)
    assert decode(encode(decrees)) == decrees
    assert decode(encode(promise)) == promise


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "x",
        "c",
        "c 1 2 3",
        "c a 1 0 text",
        "c 1 2 3.0 text",
        "m x",
        "m 1 \N{ARABIC-INDIC DIGIT ONE}",
        "no",
        None,
        3,
        ("n",),
        f"c {'9' * 21} 1 1 x",
    ],
)
def test_what_is_no_value_is_refused(plain: object) -> None:
    with pytest.raises(WireError):
        unpack_value(plain)


@pytest.mark.parametrize("plain", ["", "1", "1 x", "x 1", "1  2", "1 2 3", None, (1, 2), b"1 2"])
def test_what_is_no_ballot_is_refused(plain: object) -> None:
    with pytest.raises(WireError):
        unpack_ballot(plain)


def test_what_is_no_value_is_not_sent() -> None:
    with pytest.raises(TypeError):
        pack_value(Promise(Ballot.NONE, 0, None, ()))
