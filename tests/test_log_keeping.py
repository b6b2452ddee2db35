"""Records of a log as bytes for a journal: what is written is read again, and nothing else passes for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.families.log.keeping import RECORDS, RUN_MAX, LogKeeping
from bayou.machine.records import Fact
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Command, Members, NoOp
from bayou.paxos.log.records import AcceptedRecord, Decided, Promised, Snapshot
from bayou.wire.codec import dump
from bayou.wire.errors import WireError
from bayou.wire.keeping import Keeping

BALLOTS = st.builds(Ballot, st.integers(1, 2), st.integers(0, 1))
SLOTS = st.integers(0, 1 << 62)
VALUES = (
    st.just(NoOp())
    | st.builds(Command, SLOTS, SLOTS, SLOTS, st.text(max_size=5))
    | st.builds(Members, st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple))
)
RECORD: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Promised, BALLOTS),
    st.builds(AcceptedRecord, SLOTS, BALLOTS, VALUES),
    st.builds(Decided, SLOTS, st.none() | VALUES),
    st.builds(Snapshot, SLOTS, st.text(max_size=5)),
)


@given(st.lists(RECORD, max_size=12))
def test_what_is_packed_is_unpacked(records: list[Fact]) -> None:
    keeping = LogKeeping()
    assert keeping.unpack(keeping.pack(records)) == records
    assert list(keeping.restore([keeping.pack(records), keeping.pack(records)])) == records + records


@given(st.lists(RECORD, max_size=12))
def test_journals_without_columns_are_read(records: list[Fact]) -> None:
    assert LogKeeping().unpack(Keeping(RECORDS).pack(records)) == records


def test_runs_of_any_length_take_little_room() -> None:
    keeping = LogKeeping()
    for count in (1, 2, RUN_MAX, RUN_MAX + 1, 2 * RUN_MAX + 1):
        votes = [AcceptedRecord(slot, Ballot(3, 1), Command(slot, 1, 0, "x")) for slot in range(count)]
        decided = [Decided(slot, None) for slot in range(count)]
        batch = keeping.pack([*votes, *decided])
        assert keeping.unpack(batch) == [*votes, *decided]
        assert len(batch) < 150 + 45 * count


@pytest.mark.parametrize(
    "plain",
    [
        ((5, "3 1", b"\0" * 16, ("n",)),),
        ((5, "3 1", b"\0" * 8, ("n", "n")),),
        ((5, "3 1", b"\0" * 7, ("n",)),),
        ((5, "3", b"\0" * 8, ("n",)),),
        ((5, "3 1", b"\0" * 8, ("x",)),),
        ((5, "3 1", b"\0" * 8),),
        ((6, b"\0" * 9),),
        ((6, b"\0" * 8, None),),
        ((6,),),
        ((7, 1),),
        ((),),
        (5,),
        5,
    ],
)
def test_anything_else_is_no_batch(plain: object) -> None:
    with pytest.raises(WireError):
        LogKeeping().unpack(dump(plain))
