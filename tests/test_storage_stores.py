"""What holds of every store of batches, whatever it keeps them in."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.core.errors import Misuse
from bayou.storage import store as storing
from bayou.storage.memory import MemoryStore
from bayou.storage.sqlite import SqliteFile
from bayou.storage.store import (
    StorageDamaged,
    StorageError,
    StorageFailed,
    StorageForeign,
    StorageInUse,
)
from bayou.storage.wal import broken_at
from tests.stores import ON_DISK, OWNER, Place

if TYPE_CHECKING:
    from bayou.storage.store import Store

BATCHES = [b"one", b"", b"three" * 300, bytes(range(256))]


@pytest.fixture(params=["memory", *ON_DISK])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


@pytest.fixture(params=[*ON_DISK])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


def fill(place: Place, *, is_closed: bool = True) -> list[bytes]:
    """Let a store have gone through some of everything; return what it has now."""
    store = place.open()
    store.read()
    store.append(b"superseded")
    store.replace(b"snapshot 1")
    store.append(b"superseded too")
    store.replace(b"snapshot 2")
    for batch in (b"first", b"second", b"third"):
        store.append(batch)
    if is_closed:
        store.close()
    return [b"snapshot 2", b"first", b"second", b"third"]


def test_what_was_added_is_there_again(place: Place) -> None:
    store: Store = place.open()
    assert store.read() == []
    for batch in BATCHES:
        store.append(batch)
    store.close()
    store.close()
    assert place.read() == BATCHES
    assert place.read() == BATCHES


def test_a_batch_in_the_place_of_all_goes_before_those_to_come(place: Place) -> None:
    assert fill(place) == place.read()
    with closing(place.open()) as store:
        assert len(store.read()) == 4
        store.replace(b"")
    assert place.read() == [b""]
    with closing(place.open()) as store:
        store.read()
        store.append(b"behind it")
    assert place.read() == [b"", b"behind it"]


def test_a_list_that_was_read_is_the_readers(place: Place) -> None:
    fill(place)
    with closing(place.open()) as store:
        store.read().clear()
        store.append(b"more")
    assert len(place.read()) == 5


def test_the_order_of_calls(place: Place) -> None:
    store = place.open()
    with pytest.raises(Misuse, match="to be read first"):
        store.append(b"too early")
    with pytest.raises(Misuse, match="to be read first"):
        store.replace(b"too early")
    store.read()
    with pytest.raises(Misuse, match="has been read already"):
        store.read()
    store.close()
    with pytest.raises(Misuse, match="is closed"):
        store.append(b"too late")
    assert place.read() == []


def test_a_batch_that_is_too_long_changes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "BATCH_BYTES_MAX", 8)
    with closing(place.open()) as store:
        store.read()
        store.append(b"8 bytes.")
        with pytest.raises(ValueError, match="a batch of 9 bytes; 8 is the limit"):
            store.append(b"9 bytes..")
        with pytest.raises(ValueError, match="8 is the limit"):
            store.replace(b"9 bytes..")
        store.append(b"more")
    assert place.read() == [b"8 bytes.", b"more"]


def test_the_size_follows_what_is_kept(place: Place) -> None:
    with closing(place.open()) as store:
        store.read()
        before = store.size_bytes
        for number in range(100):
            store.append(Random(number).randbytes(500))
        assert store.size_bytes >= before + 50_000
        assert store.size_bytes < before + 200_000
        if place.kind != "sqlite":  # which keeps the pages for later
            for _ in range(2):
                store.replace(b"small")
            assert store.size_bytes < before + 100
            if place.kind != "memory":
                sizes = [len(data) for name, data in place.files().items() if name != "id"]
                assert store.size_bytes == sum(sizes)


def test_it_goes_on_a_hundred_times_as_a_model_does(place: Place) -> None:
    rng = Random(5)
    expected: list[bytes] = []
    for number in range(100):
        store = place.open()
        assert store.read() == expected
        for _ in range(rng.randrange(4)):
            batch = rng.randbytes(rng.choice([0, 1, 50, 5_000]))
            if rng.random() < 0.3:
                store.replace(batch)
                expected = [batch]
            else:
                store.append(batch)
                expected.append(batch)
        store.close()
        assert number >= 0


def test_files_are_for_their_owner_alone(disk: Place) -> None:
    fill(disk, is_closed=False)
    for path in disk.path.parent.rglob("*"):
        if "lock" in path.name and disk.kind == "sqlite":
            continue
        assert path.stat().st_mode & 0o077 == 0, path


def test_only_one_has_it_open(disk: Place) -> None:
    first = disk.open()
    first.read()
    with pytest.raises(
        StorageInUse, match=rf"{disk.path} is in use by process {os.getpid()}, .*: end that one"
    ):
        disk.open().read()
    first.append(b"still there")
    first.close()
    assert disk.read() == [b"still there"]


def test_another_process_is_told_who_has_it(disk: Place) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.stores import Place\n"
        "store = Place(sys.argv[1], Path(sys.argv[2])).open(); store.read(); store.append(b'theirs')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, disk.kind, str(disk.path.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(StorageInUse, match=rf"in use by process {other.pid}, "):
            disk.read()
        other.kill()
    assert disk.read() == [b"theirs"]


def test_it_is_for_one_node_alone(disk: Place) -> None:
    expected = fill(disk)
    before = disk.files()
    with pytest.raises(
        StorageForeign, match=f"{disk.path} is for {OWNER}, and not for server 1 of cluster 1f: name"
    ):
        disk.open("server 1 of cluster 1f").read()
    assert disk.files() == before
    assert disk.read() == expected


@pytest.mark.parametrize("owner", ["", "two\nlines", "a\0"])
def test_an_owner_is_a_line(disk: Place, owner: str) -> None:
    with pytest.raises(ValueError, match="one printable line"):
        disk.open(owner)


def test_a_state_that_has_to_be_there_and_is_not(disk: Place) -> None:
    with pytest.raises(StorageDamaged, match=f"{disk.path} is missing; restore it as it was"):
        disk.open(may_make=False).read()
    assert not disk.path.exists()
    expected = fill(disk)
    with closing(disk.open(may_make=False)) as store:
        assert store.read() == expected


def test_an_empty_folder_is_no_state_where_one_has_to_be(tmp_path: Path) -> None:
    for kind in ("two files", "log"):
        place = Place(kind, tmp_path)
        place.path.mkdir(exist_ok=True)
        with pytest.raises(StorageDamaged, match="node/id is missing"):
            place.open(may_make=False).read()
    assert Place("log", tmp_path).read() == []


def test_folders_are_made_in_which_it_is(tmp_path: Path) -> None:
    for kind in ("two files", "log"):
        place = Place(kind, tmp_path / kind / "a" / "b")
        assert place.read() == []
    with pytest.raises(StorageFailed, match="No such folder"):
        Place("sqlite", tmp_path / "nowhere").read()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "node").write_text("dear diary")
    for kind in ("two files", "log"):
        with pytest.raises(StorageFailed, match="node can't be used: Not a directory; see to it"):
            Place(kind, tmp_path).read()


def test_other_files_are_let_be(tmp_path: Path) -> None:
    for kind in ("two files", "log"):
        place = Place(kind, tmp_path / kind.replace(" ", ""))
        place.path.mkdir(parents=True)
        (place.path / "notes.txt").write_text("dear diary")
        fill(place)
        assert (place.path / "notes.txt").read_text() == "dear diary"
        assert len(place.read()) == 4


def test_a_folder_of_the_other_kind(tmp_path: Path) -> None:
    assert Place("log", tmp_path).read() == []
    with pytest.raises(StorageForeign, match="has a journal with snapshots, and not a state in two files"):
        Place("two files", tmp_path).read()


def test_a_folder_of_a_newer_version(tmp_path: Path) -> None:
    from bayou.storage import folder

    place = Place("log", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "FORMAT", 2)
        fill(place)
    with pytest.raises(StorageForeign, match="is of format 2, and this version of bayou reads format 1"):
        place.read()


def test_the_example_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, and again, and then has what it left."""
    text = (Path(__file__).parent.parent / "docs" / "storage.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    names: dict[str, object] = {}
    exec(code, names)
    assert names["batches"] == [b"a snapshot of all that", b"promised 4"]


# Memory, the twin of all others.


def test_memory_tells_what_was_durable_at_each_moment() -> None:
    store = MemoryStore([b"a"], remembers=True)
    assert store.read() == [b"a"]
    store.append(b"b")
    store.replace(b"S")
    store = store.crashed()
    assert store.read() == [b"S"]
    store.append(b"c")
    assert store.moments == [(b"a",), (b"a", b"b"), (b"S",), (b"S", b"c")]
    assert MemoryStore().moments is None


@pytest.mark.parametrize("is_kept", [False, True])
def test_memory_that_fails(is_kept: bool) -> None:
    store = MemoryStore(remembers=True)
    store.read()
    store.append(b"before")
    store.fail(OSError(28, "No space left on device"), is_kept=is_kept)
    with pytest.raises(
        StorageFailed, match=r"^memory can't be used: No space left on device; make room there"
    ):
        store.append(b"does not fit")
    with pytest.raises(StorageFailed, match="No space left"):
        store.replace(b"nor this")
    left = [b"before", b"does not fit"] if is_kept else [b"before"]
    assert store.crashed().read() == left
    assert store.moments == [tuple(left[:count]) for count in range(len(left) + 1)]


# SQLite.


def test_a_database_of_another_program(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path)
    with closing(sqlite3.connect(place.path)) as database:
        database.execute("CREATE TABLE songs (title)")
    before = place.files()
    with pytest.raises(StorageForeign, match="is a database of another program: name another file"):
        place.read()
    assert place.files() == before


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path)
    fill(place)
    with closing(sqlite3.connect(place.path)) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(StorageForeign, match="is of format 2, and this version of bayou reads format 1"):
        place.read()


@pytest.mark.parametrize(
    "data", [b"", b"dear diary", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(5000)]
)
def test_a_file_that_is_no_database(tmp_path: Path, data: bytes) -> None:
    place = Place("sqlite", tmp_path)
    place.put({"node": data})
    with pytest.raises(StorageError):
        place.read()
    assert place.files()["node"] == data


def test_a_database_that_another_program_writes_to(tmp_path: Path) -> None:
    """The lock beside it is ours; other programs know SQLite's own."""
    place = Place("sqlite", tmp_path)
    fill(place)
    with closing(sqlite3.connect(place.path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageInUse, match="is in use by another program"):
            place.read()
        database.execute("ROLLBACK")
    store = place.open()
    store.read()
    with (
        closing(sqlite3.connect(place.path, timeout=0)) as database,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        database.execute("SELECT * FROM batches").fetchall()
    store.close()
    assert len(place.read()) == 4


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM batches WHERE number = 5",
        "DELETE FROM batches WHERE number = (SELECT min(number) FROM batches)",
        "UPDATE batches SET batch = x'00' WHERE number = 6",
        "UPDATE batches SET checked = x'00' WHERE number = 6",
        "UPDATE about SET first = first + 1",
        "DELETE FROM about",
        "DROP TABLE batches",
    ],
)
def test_a_database_that_somebody_has_changed(tmp_path: Path, change: str) -> None:
    place = Place("sqlite", tmp_path)
    fill(place)
    with closing(sqlite3.connect(place.path)) as database:
        database.execute(change)
        database.commit()
    with pytest.raises(StorageDamaged, match=r"restore it as it was"):
        place.read()


def test_a_database_whose_making_was_broken_off(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path)
    place.put({"node-making": b"half of a", "node-making-journal": b"database"})
    assert place.read() == []
    assert [*place.files()] == ["node"]


def test_sqlite_is_imported_late() -> None:
    code = "import sys, bayou.storage.sqlite; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_a_path_with_signs_that_mean_something_in_a_uri(tmp_path: Path) -> None:
    for _ in range(2):
        store = SqliteFile(str(tmp_path / "a?b#c%20 ü"), OWNER)
        store.read()
        store.append(b"x")
        store.close()
    assert len(Place("sqlite", tmp_path).files()) == 1


def test_a_log_of_sqlite_is_whole_after_each_transaction_and_many_checkpoints(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path)
    store = place.open()
    store.read()
    log = place.path.with_name("node-wal")
    generations = set()
    for number in range(1_500):
        store.append(bytes(3_000))
        if number % 50 == 0:
            data = log.read_bytes()
            generations.add(data[16:24])
            assert broken_at(data) is None
    assert len(generations) > 1
    store.close()
    assert len(place.read()) == 1_500


def test_a_database_that_nobody_closed_by_a_process_that_ended_in_order(tmp_path: Path) -> None:
    """The connection goes, and SQLite removes its log."""
    code = (
        "import sys; from pathlib import Path; from tests.stores import Place\n"
        "store = Place('sqlite', Path(sys.argv[1])).open(); store.read(); store.append(b'theirs')\n"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    place = Place("sqlite", tmp_path)
    assert "node-wal" not in place.files()
    assert place.read() == [b"theirs"] * 3
    assert [*place.files()] == ["node"]
