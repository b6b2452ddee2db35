"""The file of a durable replica: the same steps on it and on its twin in memory, and what stands in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayou.core.errors import InvariantBroken, Misuse
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import Base, BasePosition, Chunk, Folded, Incoming
from bayou.core.vector import VersionVector
from bayou.node.records import Answered, Named
from bayou.storage.replica.answers import Answers
from bayou.storage.store import StorageError, StorageFailed
from tests.replica_files import Twins, first_file, folded_rows, open_file, put


@pytest.mark.parametrize("seed", range(12))
def test_random_steps_leave_a_file_and_its_twin_the_same(seed: int, tmp_path: Path) -> None:
    twins = Twins(tmp_path / "a.bayou", Random(f"file {seed}"))
    for _ in range(60):
        twins.step()
        twins.compare()
    twins.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False), steps=st.integers(1, 12))
def test_any_steps_leave_a_file_and_its_twin_the_same(
    random: Random, steps: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    twins = Twins(tmp_path_factory.mktemp("any") / "a.bayou", random)
    for _ in range(steps):
        twins.step()
    twins.compare()
    twins.reopen(is_clean=False)
    twins.compare()
    twins.close()


def test_a_new_file_says_who_it_is_of(tmp_path: Path) -> None:
    file = open_file(tmp_path / "a.bayou")
    assert (file.is_new, file.was_clean, file.starts, file.name, file.cluster) == (True, True, 1, None, "")
    assert 0 <= file.link < 1 << 62
    assert (tmp_path / "a.bayou").stat().st_mode & 0o777 == 0o600
    file.join_cluster("4f2a")
    file.keep([Named(ROOT.child(5).child(7))])
    file.close()
    again = open_file(tmp_path / "a.bayou")
    assert (again.is_new, again.was_clean, again.starts, again.cluster) == (False, True, 2, "4f2a")
    assert again.name is ROOT.child(5).child(7)
    assert again.link == file.link
    again.close()


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "a.bayou").touch()
    file = open_file(tmp_path / "a.bayou")
    assert file.is_new
    file.close()


def test_a_file_that_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"a\.bayou can't be used: No such file"):
        open_file(tmp_path / "a.bayou", may_make=False)
    with pytest.raises(StorageFailed, match=r"none can't be used: No such folder|none/a.bayou-lock can't be"):
        open_file(tmp_path / "none" / "a.bayou")
    assert not (tmp_path / "a.bayou").exists()


def test_the_tables_are_those_that_are_documented(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    columns = {
        table: [row[1] for row in file.database.execute(f"PRAGMA table_info({table})")]
        for (table,) in file.database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
    }
    write = ["stamp", "server", "kind", "collection", "key", "value", "sum"]
    row = ["collection", "key", "value", "csn", "sum"]
    assert columns == {
        "meta": ["key", "value", "sum"],
        "servers": ["id", "name"],
        "committed": ["csn", *write],
        "tentative": write,
        "rows": row,
        "base_vector": ["place", "server", "stamp", "sum"],
        "incoming": row,
        "incoming_meta": ["since", "csn", "collection", "key", "seen", "floor", "marks_from", "sum"],
        "results": ["csn", "outcome", "changed", "sum"],
        "answers": ["session", "number", "stamp", "server", "turn", "sum"],
        "facts": ["place", "kind", "key", "body", "sum"],
        "addresses": ["server", "version", "text", "sum"],
    }
    settings = {
        name: file.database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "page_size", "locking_mode")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 0,
        "page_size": 4096,
        "locking_mode": "normal",
    }
    file.close()


def test_only_what_is_kept_is_folded(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    writes = [put(1), put(2, "b")]
    assert file.kept_csn == 0
    with pytest.raises(InvariantBroken, match="2 is folded, and only 0 is durable"):
        file.fold(writes, folded_rows(writes, 0), file.base.after(writes))
    with pytest.raises(StorageFailed, match="was broken off"):  # and nothing more is done
        file.keep([Items(0, writes, [])])
    file.abandon()
    file = open_file(tmp_path / "a.bayou")
    file.keep([Items(0, writes, [])])
    assert file.kept_csn == 2
    file.fold(writes, folded_rows(writes, 0), file.base.after(writes))
    before = file.has_changed
    file.keep([Folded(2)])
    assert (before, file.has_changed) == (True, False)
    file.close()


@pytest.mark.parametrize(
    ("records", "error", "why"),
    [
        ([Items(3, [put(9)], [])], InvariantBroken, "items from 3 on, where 0 is reached"),
        ([Items(0, [put(9).notice()], [])], InvariantBroken, "1 of 1 commit notices are for no write here"),
        ([Items(0, [put(9)], []), object()], AttributeError, "key"),
    ],
)
def test_a_turn_that_can_not_be_kept_is_not_kept_in_part(
    records: list[object], error: type[Exception], why: str, tmp_path: Path
) -> None:
    file = first_file(tmp_path / "a.bayou")
    with pytest.raises(error, match=why):
        file.keep(records)  # type: ignore[arg-type]
    with pytest.raises(StorageFailed, match=r"a\.bayou: a change was broken off .*start the server again"):
        file.keep([])
    with pytest.raises(StorageError):
        file.row("playlist", "a")
    file.close()
    again = open_file(tmp_path / "a.bayou")
    assert not again.was_clean
    assert len(again.load().items) == 0
    again.close()


def test_a_closed_file_is_of_no_use(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    file.close()
    file.close()
    with pytest.raises(StorageFailed, match="is closed"):
        file.keep([Items(0, [put(1)], [])])
    with pytest.raises(StorageFailed, match="is closed"):
        file.row("playlist", "a")


def test_what_is_no_record_of_a_server_is_refused(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    with pytest.raises(Misuse, match="a Base is nothing that is kept in a file"):
        file.keep([file.base])
    file.abandon()


def test_the_shell_of_sqlite_can_read_while_the_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.keep([Items(0, [put(1, "song", "http://x")], [])])
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT csn, key, value FROM committed").fetchall() == [(1, "song", '"http://x"')]
    file.keep([Items(1, [put(2, "song", "http://y")], [])])
    assert reader.execute("SELECT count(*) FROM committed").fetchone() == (2,)
    reader.close()
    file.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.bayou", "a.bayou-lock"]


def test_sessions_that_were_silent_for_longest_are_forgotten_first(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    file._answers = Answers(file.database, file.servers, numbers_max=50)
    put_last: dict[int, Answered] = {}
    random = Random("sessions")
    for turn in range(400):
        answered = [Answered(random.randrange(200), turn, turn, ROOT) for _ in range(random.randrange(1, 4))]
        file.keep(answered)
        for answer in answered:
            put_last.pop(answer.session, None)
            put_last[answer.session] = answer
        kept = list(file.load().answers)
        newest = list(put_last.values())[-50:]
        assert set(newest) <= set(kept) <= set(put_last.values())
        assert len(kept) <= 50 + 5 + 3
    file.close()
    again = open_file(tmp_path / "a.bayou")
    assert len(list(again.load().answers)) >= 50
    again.close()


def test_all_that_is_tentative_is_committed_in_any_order_and_place(tmp_path: Path) -> None:
    """Many at once, as a primary marks them: with a fresh write among them, in another order, with equal
    stamps, and with one that stays."""
    child = ROOT.child(1)
    held = [put(2 * at, f"{at}") for at in range(1, 80)] + [
        put(2 * at, f"c{at}", server=child) for at in (7, 9)
    ]
    orders = {
        "in order": sorted(held),
        "a fresh write among them": [*sorted(held)[:40], put(999), *sorted(held)[40:]],
        "reversed": sorted(held, reverse=True),
        "all but one": sorted(held)[1:],
        "distinct stamps": held[:-2],
        "distinct stamps, and a fresh write among them": [*held[:40], put(999), *held[40:-2]],
    }
    for name, committed in orders.items():
        file = first_file(tmp_path / name)
        file.keep([Items(0, [], sorted(held if "distinct" not in name else held[:-2]))])
        told = [write if write.stamp == 999 else write.notice() for write in committed]
        file.keep([Items(0, told, [put(1000)])])
        kept = file.load().items
        assert kept.committed == committed, name
        left = set(held if "distinct" not in name else held[:-2]) - set(committed)
        assert kept.tentative == sorted([*left, put(1000)]), name
        assert file.tentative_count == len(kept.tentative)
        file.close()


def test_the_base_vector_keeps_the_order_of_its_names(tmp_path: Path) -> None:
    """Servers that are level list the same names in the same order: their vectors are the same bytes."""
    one, two = ROOT.child(1), ROOT.child(2)
    file = first_file(tmp_path / "a.bayou")
    for csn, names in enumerate(([ROOT, one, two], [ROOT, two, one], [two, one, ROOT], [two, ROOT]), 1):
        entries = {name: 10 * csn + at for at, name in enumerate(names)}
        file.receive(Chunk(BasePosition.beginning(0), [], csn, 0), Incoming(BasePosition.beginning(0), 0))
        file.install(Base(csn, VersionVector(entries), (ROOT,), 0, 50), 0)
        file.keep([])
        file.close()
        file = open_file(tmp_path / "a.bayou")
        assert list(zip(file.base.vector.names, file.base.vector.stamps, strict=True)) == [*entries.items()]
    file.close()


def test_whoever_reads_may_stand_at_a_place_that_no_row_can_have(tmp_path: Path) -> None:
    """A client says behind which place to go on: whatever it says, the file is not damaged."""
    file = first_file(tmp_path / "a.bayou")
    writes = [put(1), put(2, "b")]
    file.keep([Items(0, writes, [])])
    rows = folded_rows(writes, 0)
    file.fold(writes, rows, file.base.after(writes))
    for odd in ("\udc80", "\ud800", "~\udcff"):
        assert file.rows_after((0, odd, odd), 9, 1000) == rows
        assert file.rows_after((1, odd, odd), 9, 1000) == rows[1:]
        position = BasePosition(0, 1, odd, odd, 5, 0)
        chunk = Chunk(position, [("playlist", "c", None, 4)], 5, 0)
        incoming = Incoming(position, 0)
        file.receive(chunk, incoming)
        assert file.incoming == incoming
        file.forget_incoming()
    file.keep([Folded(2)])
    file.close()
