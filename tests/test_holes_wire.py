"""What nobody of ours sends: columns of rows, asks, tokens and orders about files that are none."""

from __future__ import annotations

from io import BytesIO

import pytest

from bayou.core.errors import BayouError, PeerError
from bayou.core.name import ROOT
from bayou.core.past import Base, BasePosition, Chunk, check_base
from bayou.core.values import text_value
from bayou.core.vector import START, VersionVector
from bayou.machine.messages import Failed, Probe
from bayou.node.asks import Version
from bayou.node.carrying import Carrying
from bayou.node.messages import (
    GAP,
    CanImport,
    Export,
    Import,
    Importable,
    Request,
    Stands,
    Truncate,
    WhereIs,
)
from bayou.wire.baserows import pack_rows, unpack_rows
from bayou.wire.codec import decode
from bayou.wire.columns import WRITES_MAX
from bayou.wire.errors import WireError
from bayou.wire.exports import (
    BadExport,
    ExportHeader,
    ExportReader,
    ExportWriter,
    parse_name,
    parse_position,
)
from bayou.wire.token import BadToken, read_token
from bayou.wire.versions import pack_versions, unpack_versions
from tests.test_exports import Asked, pair
from tests.test_nodes import order, server
from tests.test_wire_codec import message_from

ROW = ("notes", "a", text_value("v"), 3)
VERSION = Version("notes", "a", text_value("v"), 3, True, 2, ROOT)


def test_rows_of_a_base_that_are_none() -> None:
    packed = pack_rows([ROW])
    assert unpack_rows(packed) == [ROW]
    assert isinstance(packed, tuple)
    with pytest.raises(WireError, match="limit"):
        pack_rows([ROW] * (WRITES_MAX + 1))
    with pytest.raises(WireError, match="out of range"):
        unpack_rows((b"\x01\x00", *packed[1:]))
    for plain in (None, (1, 2), packed[:-1], (*packed[:-1], 5), (packed[0], "notes", *packed[2:])):
        with pytest.raises(WireError):
            unpack_rows(plain)


def test_versions_of_rows_that_are_none() -> None:
    packed = pack_versions([VERSION])
    assert unpack_versions(packed) == [VERSION]
    assert unpack_versions(pack_versions([])) == []
    assert isinstance(packed, tuple)
    with pytest.raises(WireError, match="limit"):
        pack_versions([VERSION] * (WRITES_MAX + 1))
    with pytest.raises(WireError, match="out of range"):
        unpack_versions((*packed[:7], b"\x02", *packed[8:]))
    with pytest.raises(WireError, match="not committed"):
        unpack_versions((*packed[:7], b"\x00", *packed[8:]))
    for plain in (None, (), packed[:-1], (*packed[:-1], b"\x01\x07")):
        if plain != ():
            with pytest.raises(WireError):
                unpack_versions(plain)


@pytest.mark.parametrize(
    "ask", [None, (), (5,), ("Nonsense",), ("Put", "notes", "a", None), ("Get", "notes")]
)
def test_asks_that_are_none(ask: object) -> None:
    assert Request.wire_name == "Request"
    with pytest.raises(WireError):
        decode(message_from("Request", 1, 1, ask, None, None, None))


@pytest.mark.parametrize("token", ["", "bayou1.", "bayou1.!", "bayou2.AAAA", "bayou1.gAQu", "x" * 99])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(BadToken):
        read_token(token)


def test_orders_about_files_that_can_not_be_carried_out() -> None:
    root, other = pair()
    asked = Asked(other)
    for bad in (
        Export(-1, START),
        Export(0, START, BasePosition(3, 2, "notes", "a", 1, 0)),
        Import(other.replica.beyond(0, START), Chunk(BasePosition(0, 9, "notes", "z", 9, 9), [], 12, 0)),
    ):
        with pytest.raises(BayouError):
            asked(bad)
    gap = asked(CanImport(9, START, 0))
    assert isinstance(gap, Importable)
    assert gap.verdict == GAP
    stands = asked(WhereIs(ROOT.child(77)))
    assert isinstance(stands, Stands)
    assert (stands.csn, stands.vector) == (0, START)
    with pytest.raises(TypeError, match="no order about files"):
        Carrying(root, root.exchanges).answer_to(Probe())
    assert isinstance(order(server(4), Truncate()).answers[0][1], Failed)


def test_what_belongs_to_no_base() -> None:
    for base in (
        Base(-1, START, (ROOT,), 0, 1),
        Base(2, VersionVector({ROOT: 2, ROOT.child(5): 9}), (ROOT,), 0, 9),
        Base(2, VersionVector({ROOT: 2}), (ROOT,), 0, -1),
    ):
        with pytest.raises(PeerError):
            check_base(base)


def test_names_and_positions_that_people_mistype() -> None:
    assert parse_name("<>") is ROOT
    for text in ("", "5,3", "<3,5>", "<x>", "<0>"):
        with pytest.raises(ValueError, match=r"name|invalid|stamp|older"):
            parse_name(text)
    with pytest.raises(ValueError, match="can stand there"):
        parse_position(f"csn 1\n<> {1 << 63}")


def test_nothing_of_a_base_is_redone_twice() -> None:
    root, _ = pair()
    root.replica.put("notes", "a", text_value("v"))
    replica = root.replica
    assert replica.fold() == replica.fold() == replica.csn
    assert replica.truncate(replica.csn) == replica.truncate(0) == replica.csn
    replica.drop_marks(replica.csn)
    replica.drop_marks(replica.csn)
    replica.drop_incoming()
    assert len(replica.take_journal()) > 0
    assert replica.take_journal() == []


def test_a_base_that_ends_before_what_was_seen_or_far_ahead_is_refused() -> None:
    root, other = pair()
    replica = other.replica
    assert replica.receive_base(Chunk(BasePosition.beginning(0), [("notes", "a", text_value("v"), 8)], 9, 0))
    vector = VersionVector({ROOT: 5, replica.name: 1})
    with pytest.raises(PeerError, match="ends a transfer"):
        replica.install(Base(8, vector, (ROOT,), 0, 9))
    with pytest.raises(PeerError, match="far ahead"):
        replica.install(Base(9, vector, (ROOT,), 0, 1 << 61))
    assert root.replica.csn == replica.csn == 1


def test_a_base_may_make_a_primary_or_tell_of_a_retirement() -> None:
    _, other = pair()
    replica = other.replica
    replica.put("notes", "own", text_value("w"))
    assert replica.receive_base(Chunk(BasePosition.beginning(0), [("notes", "a", text_value("v"), 8)], 9, 0))
    assert replica.install(Base(9, VersionVector({ROOT: 5, replica.name: 1}), (replica.name,), 0, 9))
    assert (replica.is_primary, replica.csn, len(replica.log.tentative)) == (True, 10, 0)
    _, gone = pair()
    assert gone.replica.receive_base(Chunk(BasePosition.beginning(0), [], 9, 0))
    assert gone.replica.install(Base(9, VersionVector({ROOT: 5}), (ROOT,), 0, 9))
    assert gone.replica.retired


def test_files_without_a_beginning_or_an_end() -> None:
    for pieces in ((), (b"H\x01",)):
        out = BytesIO()
        writer = ExportWriter(out, b"s" * 32, ExportHeader("c", ROOT, 0.0, 0, START))
        for piece in pieces:
            writer._put(piece)
        writer.finish()
        with pytest.raises(BadExport, match=r"no end|middle of a piece|piece that is none"):
            ExportReader(out, [b"s" * 32], "file")
