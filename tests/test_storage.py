"""The journal: a batch is there as a whole or not at all, and damage is told from a torn end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.vector import VersionVector
from bayou.core.write import CREATION, DELETE, PUT, Write
from bayou.node.messages import OK, Answer
from bayou.node.records import Activated, Aiming, Answered, Asking, CreatedFor, Named, Promised
from bayou.storage.journal import HEADER, PREFIX_BYTES, Journal, JournalDamaged
from bayou.storage.memory import Memory
from bayou.wire.errors import WireError
from bayou.wire.keeping import KINDS, pack, unpack
from tests.rows import place, row

if TYPE_CHECKING:
    from bayou.node.records import Durable

BATCHES = [b"one", b"", b"three" * 100, bytes(range(256))]


def written(path: Path, batches: list[bytes]) -> bytes:
    """Write a journal; return its bytes."""
    journal = Journal(str(path))
    assert journal.read() == []
    for batch in batches:
        journal.append(batch)
    journal.close()
    return path.read_bytes()


def reread(path: Path) -> list[bytes]:
    """Open a journal anew; return its batches."""
    journal = Journal(str(path))
    try:
        return journal.read()
    finally:
        journal.close()


def ends(batches: list[bytes]) -> list[int]:
    """Return where in the file the header and each batch end."""
    at = [len(HEADER)]
    for batch in batches:
        at.append(at[-1] + PREFIX_BYTES + len(batch))
    return at


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    assert reread(path) == BATCHES
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_cut_anywhere_has_all_whole_batches_and_goes_on(tmp_path: Path) -> None:
    """The last batch may be torn; then the next one takes its place."""
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        whole = BATCHES[: sum(end <= size for end in ends(BATCHES)[1:])]
        journal = Journal(str(path))
        assert journal.read() == whole, size
        journal.append(b"next")
        journal.close()
        assert reread(path) == [*whole, b"next"], size


def test_a_last_batch_with_wrong_bytes_is_torn(tmp_path: Path) -> None:
    """Its length reached the disk, and not all of the rest."""
    path = tmp_path / "journal"
    data = written(path, BATCHES)
    start, end = ends(BATCHES)[-2:]
    for at in range(start + PREFIX_BYTES, end):
        path.write_bytes(data[:at] + b"\xee" + data[at + 1 :] if data[at] != 0xEE else data)
        assert reread(path) in (BATCHES[:-1], BATCHES)


@settings(max_examples=200)
@given(at=st.integers(0, 10_000), to=st.integers(0, 255))
def test_damage_before_the_end_is_refused_and_the_file_left_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, at: int, to: int
) -> None:
    """Not a byte of what may be saved by hand is lost."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    data = written(path, BATCHES)
    at %= ends(BATCHES)[-2]
    if data[at] == to:
        return
    damaged = data[:at] + bytes([to]) + data[at + 1 :]
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match=str(path)):
        reread(path)
    assert path.read_bytes() == damaged


def test_another_file_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("dear diary, today")
    with pytest.raises(JournalDamaged, match="no journal of this version"):
        reread(path)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path))
    journal.read()
    journal.append(b"before")
    real = os.pwrite

    def full(fd: int, data: memoryview, at: int) -> int:
        if len(data) > 5:
            return real(fd, data[:5], at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append(b"does not fit")
    monkeypatch.undo()
    journal.append(b"after")
    journal.close()
    assert reread(path) == [b"before", b"after"]


def test_of_facts_about_the_same_the_last_one_is_kept() -> None:
    """Twenty thousand writes of a session leave one answer behind."""
    name = ROOT.child(1)
    memory = Memory([Named(ROOT), Promised(name)])
    for number in range(20_000):
        memory.append([Answered(Answer(7, number, OK))])
    memory.append([Promised(name), Answered(Answer(8, 0, OK))])
    assert list(memory) == [
        Named(ROOT), Answered(Answer(7, 19_999, OK)), Promised(name), Answered(Answer(8, 0, OK)),
    ]  # fmt: skip


RECORDS: list[Durable] = [
    Named(ROOT),
    Asking(None, 3, 77),
    Asking(ROOT, 3, 78),
    Aiming(4, VersionVector({ROOT: 9})),
    Activated(),
    Answered(Answer(7, 2, OK, stamp=5, server=ROOT.child(1))),
    Promised(ROOT),
    CreatedFor(77, Write(6, ROOT, CREATION, "", "", None)),
    Items(2, [Write(1, ROOT, PUT, *row("song", "url"))], [Write(8, ROOT, DELETE, *place("song"), None)]),
]


def test_a_batch_comes_back_as_it_went() -> None:
    """Records of every kind, in their order."""
    assert {type(record) for record in RECORDS} == set(KINDS.values())
    assert unpack(pack(RECORDS)) == RECORDS
    assert unpack(b"") == []


def test_bytes_that_are_no_batch_are_refused() -> None:
    """Cut anywhere but between two records, or of a kind that nobody knows."""
    batch = pack(RECORDS)
    between = {len(pack(RECORDS[:count])) for count in range(len(RECORDS) + 1)}
    for size in range(len(batch)):
        if size not in between:
            with pytest.raises(WireError, match="no record at byte"):
                unpack(batch[:size])
    with pytest.raises(WireError, match="no record at byte 0"):
        unpack(b"\xff" + batch[1:])
