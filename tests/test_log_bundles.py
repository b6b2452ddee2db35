"""Messages of a log that go together: nothing gets lost, and each server gets its own in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bayou.families.log.bundles import bundle, unbundle
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Accept, Accepted, Command, Decide, LogMessage, NoOp
from bayou.wire.codec import decode, encode

BALLOTS = st.builds(Ballot, st.integers(1, 2), st.integers(0, 1))
SLOTS = st.integers(0, 200)
VALUES = st.just(NoOp()) | st.builds(Command, SLOTS, SLOTS, SLOTS, st.text(max_size=3))
MESSAGES: st.SearchStrategy[LogMessage] = st.one_of(
    st.builds(Accept, BALLOTS, SLOTS, VALUES),
    st.builds(Accepted, BALLOTS, SLOTS),
    st.builds(Decide, BALLOTS, SLOTS),
)
SENDS = st.lists(st.tuples(st.integers(0, 2), MESSAGES))


@given(SENDS)
def test_each_server_gets_its_own_in_order(sends: list[tuple[int, LogMessage]]) -> None:
    bundled = bundle(sends)
    for peer in range(3):
        came = [
            single
            for receiver, message in bundled
            if receiver == peer
            for single in unbundle(decode(encode(message)))
        ]
        assert came == [message for receiver, message in sends if receiver == peer]


def test_many_slots_go_in_one_message() -> None:
    ballot = Ballot(3, 1)
    sends: list[tuple[int, LogMessage]] = [
        (peer, Accept(ballot, slot, NoOp())) for slot in range(50) for peer in (0, 2)
    ]
    assert [peer for peer, _ in bundle(sends)] == [0, 2]
    assert len(bundle([*sends, *sends])) == 4


def test_what_is_no_bundle_stands_for_itself() -> None:
    decide = Decide(Ballot(3, 1), 7)
    assert unbundle(decide) == [decide]
    assert bundle([(1, decide)]) == [(1, decide)]
