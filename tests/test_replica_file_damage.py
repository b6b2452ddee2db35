"""Files of replicas that are damaged, older than they were, copied, in use, of another format, or full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import NO_LIMIT, BasePosition, Chunk
from bayou.node.records import Answered, Named, Promised
from bayou.storage.replica import opening
from bayou.storage.replica.doctor import diagnose
from bayou.storage.replica.sums import told_sum
from bayou.storage.store import (
    InUse,
    LostMemory,
    StorageDamaged,
    StorageError,
    StorageFailed,
    StorageForeign,
    StorageFull,
)
from tests.replica_files import COLLECTIONS, Twins, copy_files, first_file, folded_rows, open_file, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.storage.replica.file import ReplicaFile


def everything(file: ReplicaFile) -> list[object]:
    """Return all that a server could ask a file for."""
    loaded = file.load()
    rows = file.rows_after((0, "", ""), 1 << 20, NO_LIMIT)
    return [
        loaded.name, loaded.items, loaded.facts, list(loaded.answers), file.addresses(), file.base,
        file.incoming, file.omitted_csn, file.marks_from, file.cluster, file.link, file.is_member,
        file.committed(file.omitted_csn, file.base.csn, NO_LIMIT), rows, file.collections(),
        [file.rows_under(collection, "", None, 1 << 20) for collection in COLLECTIONS],
        [file.row(row[0], row[1]) for row in rows],
    ]  # fmt: skip


def grown(path: Path, steps: int = 40, seed: str = "damage") -> None:
    """Make a file with much in it, closed."""
    twins = Twins(path, Random(seed))
    for _ in range(steps):
        twins.step()
    twins.step_receive()
    twins.close()


def marked(path: Path) -> None:
    """Make a file in which each kind of row has a text of its own, closed."""
    file = first_file(path)
    writes = [put(1, "a", "in-a-row"), put(2, "a2", "in-the-log"), put(3, "a2", "later")]
    file.keep([Items(0, writes, [])])
    file.fold(writes, folded_rows(writes, 0), file.base.after(writes))
    file.truncate(1)
    file.keep([])
    chunk = Chunk(BasePosition.beginning(0), [("notes", "k", put(1, "", "in-incoming").value, 5)], 5, 0)  # type: ignore[list-item]
    file.receive(chunk, chunk.incoming(None))
    file.put_address(ROOT, 1, "in-addresses:1")
    file.keep(
        [
            Items(3, [put(4, "b", "unfolded")], [put(5, "t", "is-tentative")]),
            Promised(ROOT.child(1234567)),
            Answered(0x515253545556, 1, 3, ROOT),
        ]
    )
    file.close()


WHERE: dict[str, tuple[bytes, Callable[[ReplicaFile], object]]] = {
    "the log": (b"in-the-log", lambda file: file.committed(1, 3, NO_LIMIT)),
    "what is unfolded": (b"unfolded", lambda file: file.load()),
    "what is tentative": (b"is-tentative", lambda file: file.load()),
    "a row": (b"in-a-row", lambda file: file.row("playlist", "a")),
    "a row of many": (b"in-a-row", lambda file: file.rows_after((0, "", ""), 9, NO_LIMIT)),
    "a row by its key": (b"in-a-row", lambda file: file.rows_under("playlist", "", None, 9)),
    "addresses": (b"in-addresses", lambda file: file.addresses()),
    "an answer": (b"QRSTUV", lambda file: list(file.load().answers)),
}


@pytest.mark.parametrize("where", WHERE)
def test_a_flipped_bit_in_a_value_stops_the_server_before_the_value_is_used(
    where: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.bayou"
    marked(path)
    what, read = WHERE[where]
    content = bytearray(path.read_bytes())
    at = content.rindex(what)
    content[at + len(what) // 2] ^= 1
    path.write_bytes(content)
    file = open_file(path)
    with pytest.raises(
        StorageDamaged, match=r"a\.bayou is damaged: .* wrong; put nothing back .*doctor FILE"
    ) as error:
        read(file)
    assert error.value.exit_status == 65
    with pytest.raises(StorageDamaged):
        file.keep([Items(3, [put(9)], [])])
    file.abandon()


def test_a_flipped_bit_in_rows_that_came_in_is_noticed_when_they_are_used(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    marked(path)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"in-incoming")] ^= 1
    path.write_bytes(content)
    file = open_file(path)
    base = file.base.after([put(5), put(6), put(7)])
    file.install(type(base)(5, base.vector, (ROOT,), 0, 7), 0)
    file.keep([])
    with pytest.raises(StorageDamaged, match="the row notes/k of CSN 5 is damaged"):
        file.row("notes", "k")
    file.abandon()


def test_any_flipped_bit_is_noticed_or_does_no_harm(tmp_path: Path) -> None:
    """In the file of a server that was ended: nothing that is not so is ever given out."""
    whole = tmp_path / "whole"
    grown(whole)
    content = whole.read_bytes()
    first = open_file(whole)
    expected = everything(first)
    first.close()
    random = Random("bits")
    outcomes = {"same": 0, "noticed": 0}
    for trial in range(150):
        bit = random.randrange(len(content) * 8)
        path = tmp_path / f"{trial}"
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        file = None
        found: list[object] | int
        try:
            file = open_file(path, moved=True)
            found = everything(file)
        except StorageError as error:
            found = error.exit_status
        finally:
            if file is not None:
                file.abandon()
        assert found in (expected, 65), f"byte {bit // 8}, bit {bit % 8}"
        outcomes["noticed" if found == 65 else "same"] += 1
    assert outcomes["noticed"] > 20
    assert outcomes["same"] > 5


def test_a_page_of_a_large_file_is_noticed_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CHECKED_BYTES", 0)
    path = tmp_path / "a.bayou"
    marked(path)
    content = bytearray(path.read_bytes())
    page = content.rindex(b"in-a-row") // 4096 * 4096
    content[page : page + 8] = b"\xff" * 8
    path.write_bytes(content)
    file = open_file(path)
    with pytest.raises(StorageDamaged, match="is damaged: database disk image is malformed"):
        file.row("playlist", "a")
    file.abandon()
    findings = diagnose(str(path)).findings
    assert any("malformed" in line or "SQLite:" in line for line in findings), findings


def test_writes_missing_from_the_log_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    marked(path)
    write = "stamp, server, kind, collection, key, value, sum"
    for change, why in (
        ("DELETE FROM committed WHERE csn = 2", "its log begins with 3, and 1 writes were let go of"),
        (
            f"INSERT INTO committed SELECT 9, {write} FROM committed WHERE csn = 3",
            "its log has 4 writes, where 8 are due",
        ),
    ):
        copy = copy_files(path, tmp_path / change[:6], suffixes=("",))
        with sqlite3.connect(copy) as other:
            other.execute(change)
        other.close()
        with pytest.raises(StorageDamaged, match=why):
            open_file(copy, moved=True)


def test_writes_missing_from_a_long_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "COUNTED_MAX", 1)
    monkeypatch.setattr(opening, "PROBES", 2)
    path = tmp_path / "a.bayou"
    file = first_file(path)
    writes = [put(each, f"{each}") for each in range(1, 101)]
    file.keep([Items(0, writes, [])])
    file.fold(writes, folded_rows(writes, 0), file.base.after(writes))
    file.keep([])
    file.close()
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM committed WHERE csn BETWEEN 20 AND 60")
    other.close()
    with pytest.raises(StorageDamaged, match="the write of CSN 51 is missing"):
        open_file(path)
    monkeypatch.setattr(opening, "PROBES", 1)
    file = open_file(path)
    assert len(file.committed(0, 19, NO_LIMIT)) == 19
    with pytest.raises(StorageDamaged, match="the write of CSN 20 is missing"):
        file.committed(0, 30, NO_LIMIT)
    file.abandon()
    assert "the writes of the CSNs 20 to 60 are missing" in diagnose(str(path)).findings


# Older than it was.


def test_an_older_copy_put_back_has_lost_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.keep([Items(0, [put(1)], [])])
    file.close()
    old = path.read_bytes()
    file = open_file(path)
    file.keep([Items(1, [put(2)], [])])
    file.close()
    new = path.read_bytes()
    path.write_bytes(old)
    for moved in (False, True):
        with pytest.raises(
            LostMemory, match=r"it has had 4 transactions, and .*-lock knows of 7; put the newest"
        ):
            open_file(path, moved=moved)
    assert path.read_bytes() == old
    assert any("transactions" in line for line in diagnose(str(path)).findings)
    path.write_bytes(new)
    open_file(path).close()


def test_a_log_cut_short_at_any_place_has_lost_its_memory(tmp_path: Path) -> None:
    """SQLite by itself takes what is left: that is what there was before, never anything else."""
    path = tmp_path / "a.bayou"
    file = first_file(path)
    states = [Items(0, [], [])]
    for at in range(6):
        file.keep([Items(at, [put(2 * at + 1, "k")], [put(2 * at + 2, "t")])])
        states.append(file.load().items)
    copy = copy_files(path, tmp_path / "copy")
    file.close()
    log = Path(f"{copy}-wal").read_bytes()
    assert (len(log) - 32) % 4120 == 0
    reached = set()
    for cut in [*range(0, len(log), 4120 // 2), *range(32, len(log), 4120)]:
        one = copy_files(copy, tmp_path / f"cut {cut}")
        Path(f"{one}-wal").write_bytes(log[:cut])
        with pytest.raises(StorageError) as error:
            open_file(one, moved=True)
        assert isinstance(error.value, LostMemory), error.value
        assert Path(f"{one}-wal").read_bytes() == log[:cut]
        Path(f"{one}-lock").unlink()  # as if the whole machine had gone down with it
        again = open_file(one, moved=True)
        reached.add(states.index(again.load().items))
        again.close()
    assert reached == set(range(6))
    again = open_file(copy, moved=True)
    assert again.load().items == states[-1]
    again.close()


def test_a_log_damaged_in_the_middle_is_refused_even_after_a_crash_of_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    for at in range(6):
        file.keep([Items(at, [put(at + 1, "k")], [])])
    copy = copy_files(path, tmp_path / "copy", suffixes=("", "-wal"))
    file.close()
    log = bytearray(Path(f"{copy}-wal").read_bytes())
    log[len(log) // 2] ^= 1
    Path(f"{copy}-wal").write_bytes(log)
    with pytest.raises(StorageDamaged, match=r"-wal is damaged at byte \d+, and there is more behind it"):
        open_file(copy, moved=True)
    assert Path(f"{copy}-wal").read_bytes() == log


def test_a_file_without_its_database_is_not_made_anew_over_its_log(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    copy = copy_files(path, tmp_path / "copy")
    file.close()
    copy.unlink()
    with pytest.raises(StorageDamaged, match=r"a\.bayou is missing beside its .*a\.bayou-wal"):
        open_file(copy)


def test_a_new_file_beside_an_old_lock_is_another_server(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.keep([Items(0, [put(1)], [])])
    link = file.link
    file.close()
    path.unlink()
    file = open_file(path)
    assert file.is_new
    assert file.link != link
    file.close()


def test_a_lock_that_a_crash_left_as_anything_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    first_file(path).close()
    for content in (b"", b"\0" * 117, b"12\n", b"x" * 500, Path(f"{path}-lock").read_bytes()[:60]):
        Path(f"{path}-lock").write_bytes(content)
        open_file(path).close()


@pytest.mark.parametrize(
    ("items", "known"), [(Items(0, [put(1)], []), "1 and 1"), (Items(0, [], [put(50)]), "0 and 50")]
)
def test_own_stamps_are_remembered_beside_the_file(items: Items, known: str, tmp_path: Path) -> None:
    """Where the count of transactions has come far again since, CSN and stamp still tell."""
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.close()
    old = path.read_bytes()
    file = open_file(path)
    file.keep([items])
    file.close()
    path.write_bytes(old)
    with sqlite3.connect(path) as other:
        for key, value in (("transactions", 99),):
            other.execute(
                "UPDATE meta SET value = ?, sum = ? WHERE key = ?", (value, told_sum(key, value), key)
            )
    other.close()
    with pytest.raises(LostMemory, match=rf"has CSN 0 and the own stamp 0, and .*-lock knows of {known}"):
        open_file(path)


# Copied, in use, of another kind.


def test_a_copied_file_is_not_started_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    first_file(path).close()
    copy = copy_files(path, tmp_path / "other", suffixes=("",))
    with pytest.raises(
        StorageForeign, match=r"a\.bayou was copied: two servers .*start it with --moved; otherwise"
    ):
        open_file(copy)
    file = open_file(copy, moved=True)
    file.close()
    open_file(copy).close()  # it is at home there now
    open_file(path).close()  # which nobody can tell it
    moved = tmp_path / "other" / "moved.bayou"
    copy.rename(moved)  # within a file system it is the same file
    open_file(moved).close()


def test_a_process_that_uses_a_file_keeps_others_out(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.replica_files import first_file\n"
        f"file = first_file(Path({str(path)!r}))\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(
            InUse, match=rf"is in use by process {other.pid}, which has locked .*-lock: end that one"
        ) as error:
            open_file(path)
        assert error.value.exit_status == 75
        other.kill()
    file = open_file(path)
    assert not file.was_clean
    file.close()


def test_a_program_that_holds_the_database_up_ends_the_server(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.database.execute("PRAGMA busy_timeout = 1").fetchall()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InUse, match="is held by another program, the shell of SQLite say: end that one"):
        file.keep([Items(0, [put(1)], [])])
    other.execute("ROLLBACK")
    other.close()
    file.abandon()


def test_what_is_no_file_of_a_replica_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    path.write_bytes(b"notes\n" * 100)
    with pytest.raises(StorageDamaged, match=r"a\.bayou is no database of SQLite"):
        open_file(path)
    other = sqlite3.connect(tmp_path / "b")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(StorageForeign, match="b is a database of another program: name another file"):
        open_file(tmp_path / "b")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.bayou").mkdir()
    with pytest.raises(StorageFailed, match=r"a\.bayou can't be used"):
        open_file(tmp_path / "a.bayou")


# A disk that is full.


def test_a_full_file_system_ends_the_server_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files, as in tests for stores: the process that meets it ends with 74."""
    path = tmp_path / "a.bayou"
    code = f"""
import resource, sys
from pathlib import Path
from bayou.core.items import Items
from bayou.storage.store import StorageError
from tests.replica_files import first_file, put
file = first_file(Path({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
csn = 0
try:
    while True:
        file.keep([Items(csn, [put(csn + 1, "k" * 100, "v" * 3000)], [])])
        csn += 1
        print(csn, flush=True)
except StorageError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 74, done
    assert done.stderr.count("\n") == 1
    assert "a.bayou" in done.stderr
    assert "make room" in done.stderr
    told = int(done.stdout.split()[-1])
    file = open_file(path)
    assert told > 20
    assert file.csn in (told, told + 1)
    assert len(file.load().items.committed) == file.csn
    file.check()
    file.close()


def test_no_room_left(tmp_path: Path) -> None:
    file = first_file(tmp_path / "a.bayou")
    (pages,) = file.database.execute("PRAGMA page_count").fetchone()
    file.database.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    with pytest.raises(StorageFull, match=r"a\.bayou: there is no room left; make room there") as error:
        file.keep([Items(0, [put(each, f"{each}" * 100) for each in range(1, 100)], [])])
    assert error.value.exit_status == 74
    file.abandon()
    again = open_file(tmp_path / "a.bayou")
    assert again.csn == 0
    again.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    first_file(path).close()
    path.chmod(0o400)
    with pytest.raises(StorageFailed):
        open_file(path)


def test_all_errors_are_of_this_package() -> None:
    for kind, status in (
        (StorageFull, 74),
        (StorageFailed, 74),
        (StorageDamaged, 65),
        (LostMemory, 65),
        (StorageForeign, 65),
        (InUse, 75),
    ):
        assert issubclass(kind, BayouError)
        assert kind.exit_status == status


def test_a_name_that_is_given_later(tmp_path: Path) -> None:
    """Own stamps count from the name on."""
    path = tmp_path / "a.bayou"
    file = open_file(path)
    child = ROOT.child(3)
    file.keep([Items(0, [], [put(1), put(5, server=child)])])
    file.keep([Named(child)])
    file.close()
    assert f" {5} " in Path(f"{path}-lock").read_text()
