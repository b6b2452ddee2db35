"""Files of replicas as a whole: looked through, backed up, made smaller, made into a new server's."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from pathlib import Path

import pytest

from bayou.cli import main
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import LAST, NO_LIMIT, BasePosition, Folded, Incoming
from bayou.core.values import to_value
from bayou.core.write import CREATION, DELETE, RETIREMENT, Write
from bayou.storage.replica.care import back_up, compact, free_bytes, make_newcomer
from bayou.storage.replica.doctor import diagnose
from bayou.storage.replica.file import ReplicaFile
from bayou.storage.store import InUse, StorageDamaged, StorageFailed, StorageForeign
from tests.replica_files import first_file, folded_rows, open_file, put

CHILD = ROOT.child(4)


def fold(file: ReplicaFile, upto: int) -> None:
    """Fold what is committed up to there."""
    base = file.base
    writes = file.committed(base.csn, upto, NO_LIMIT)
    file.fold(writes, folded_rows(writes, base.csn), base.after(writes))
    file.keep([Folded(upto)])


def grown(path: Path) -> ReplicaFile:
    """Return a file with something of everything: 8 committed writes, 6 of them folded, 1 let go of; a mark;
    and two tentative writes."""
    file = first_file(path)
    writes = [
        put(1), put(2, "b"), put(3, "caf\udce9"), Write(4, ROOT, CREATION, "", "", None),
        Write(5, ROOT, DELETE, "playlist", "b", None), put(6, "a", "new"), put(7, "c"),
        put(8, "d", server=CHILD),
    ]  # fmt: skip
    file.keep([Items(0, writes, [put(9, "t", server=CHILD), put(10, "t")])])
    fold(file, 6)
    file.truncate(1)
    file.keep([])
    return file


def test_a_whole_file_has_nothing_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = grown(path)
    file.check()
    with pytest.raises(InUse, match=rf"a\.bayou is in use by process {os.getpid()}, which has locked"):
        diagnose(str(path))
    file.close()
    found = diagnose(str(path))
    assert (found.findings, found.writes, found.tentative, found.rows) == ([], 7, 2, 3)
    file = open_file(path)
    file.drop_marks(6)
    file.keep([])
    file.check()
    file.abandon()
    assert diagnose(str(path)).findings == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("DELETE FROM committed WHERE csn = 3", "the writes of the CSNs 3 to 3 are missing"),
        ("DELETE FROM committed WHERE csn = 3", "its log has 6 writes, where 7 are due"),
        ("DELETE FROM rows WHERE key = 'a'", "the write of CSN 6 has not changed the row playlist/a"),
        ("DELETE FROM rows WHERE key = 'b'", "the write of CSN 5 has not changed the row playlist/b"),
        (
            "UPDATE rows SET value = '\"z\"' WHERE key = 'a'",
            "the row playlist/a of CSN 6 is damaged: its sum",
        ),
        ("UPDATE rows SET csn = 9 WHERE key = 'a'", "there is a row of CSN 9, and its base has 6"),
        ("UPDATE committed SET value = '\"z\"' WHERE csn = 7", "the write of CSN 7 is damaged: its sum is"),
        ("UPDATE committed SET stamp = 77 WHERE csn = 2", "the write of CSN 2 is damaged: its sum is"),
        ("UPDATE tentative SET kind = 1", "the tentative write \\(9 <4>\\) is damaged: its sum is wrong"),
        ("UPDATE servers SET name = '5' WHERE name = '4'", "base vector is damaged: its sum is wrong"),
        ("DELETE FROM servers WHERE name = '4'", "a row names server number .*, which is not there"),
        ("UPDATE base_vector SET stamp = 5", "base vector is damaged: its sum is wrong"),
        ("UPDATE meta SET value = 7 WHERE key = 'base_csn'", "base_csn in meta has a wrong sum"),
        ("DELETE FROM meta WHERE key = 'clean'", "clean in meta is missing"),
        ("UPDATE facts SET body = x'00'", "the fact Activated  is damaged: its sum is wrong"),
        ("INSERT INTO incoming VALUES ('a', 'b', NULL, 1, 1)", "of a base that is coming in: the row a/b of"),
        ("INSERT INTO incoming VALUES ('a', 'b', NULL, 1, 1)", "and nothing says which"),
        ("INSERT INTO answers VALUES (5, 1, 1, 1, 1, 1)", "the answer to session 5 is damaged: its sum is"),
        ("INSERT INTO addresses VALUES (1, 1, 'x', 1)", "the addresses of <> are damaged: their sum is"),
        ("DROP INDEX by_csn_a", "no such index|missing from index|."),
    ],
)
def test_what_is_wrong_with_a_file_is_found(change: str, finding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    grown(path).close()
    with sqlite3.connect(path) as other:
        other.execute(change)
    other.close()
    before = path.read_bytes()
    found = diagnose(str(path)).findings
    if change.startswith("DROP"):
        assert found == []  # it is only slower
    else:
        assert any(re.search(finding, line) for line in found), found
    assert path.read_bytes() == before


def test_parts_of_a_file_that_do_not_agree(tmp_path: Path) -> None:
    """What has right sums, and was never right: mistakes of ours, say."""
    path = tmp_path / "a.bayou"
    file = grown(path)
    writes = file.committed(1, 6, NO_LIMIT)
    file.fold([], [("notes", "x", to_value(1), 6)], file.base)
    with pytest.raises(
        Exception, match="the row notes/x of CSN 6 is not what the write of that CSN made of it"
    ):
        file.check()
    file.abandon()
    file = open_file(path)
    row = file.servers.write_row(writes[0])
    file.database.begin()
    file.database.execute("INSERT INTO tentative VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    file.keep([])
    file.close()
    findings = diagnose(str(path)).findings
    assert '(2 <> put playlist b "v") is tentative, and the base has it' in findings
    assert '(2 <> put playlist b "v") of CSN 2 is tentative too' in findings


def test_a_base_that_is_not_what_its_writes_make(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    writes = [
        put(1),
        Write(2, ROOT, CREATION, "", "", None),
        Write(3, ROOT, RETIREMENT, "", "", ROOT.child(2)),
    ]
    file.keep([Items(0, [*writes, put(4, server=ROOT.child(2))], [])])
    base = file.base.after(writes)
    file.fold(writes[:2], folded_rows(writes[:2], 0), file.base.after(writes[:2]))
    file.keep([])
    file.check()
    file.fold(writes[2:], [], type(base)(3, base.vector, (ROOT,), 0, 2))
    file.keep([])
    file.close()
    findings = diagnose(str(path)).findings
    assert "the clock of the base is 2, and it has (3 <> retirement <2>)" in findings
    assert "vector or commit group of the base are not what all its writes make" in findings


def test_a_backup_is_a_whole_copy_that_is_not_started(tmp_path: Path) -> None:
    path, out = tmp_path / "a.bayou", tmp_path / "out.bayou"
    file = grown(path)
    size = back_up(str(path), str(out))
    file.keep([Items(8, [put(20)], [])])
    assert size == out.stat().st_size > 0
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(
        StorageForeign, match=r"out\.bayou is a backup, .*`bayou restore .*out\.bayou FILE` makes"
    ):
        open_file(out)
    with pytest.raises(StorageForeign, match="is a backup"):
        open_file(out, moved=True)
    with pytest.raises(StorageFailed, match=r"out\.bayou is there already: name another file"):
        back_up(str(path), str(out))
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("out")) == [
        "out.bayou", "out.bayou-lock",
    ]  # fmt: skip
    reader = sqlite3.connect(out)
    assert reader.execute("SELECT max(csn) FROM committed").fetchone() == (8,)
    reader.close()
    file.close()
    back_up(str(path), str(tmp_path / "closed"))
    with pytest.raises(StorageFailed, match="unable to open database file"):
        back_up(str(tmp_path / "none"), str(tmp_path / "of none"))
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(StorageForeign, match="is a database of another program"):
        back_up(str(tmp_path / "other"), str(tmp_path / "of other"))
    assert not (tmp_path / "of other.part").exists()


def test_a_backup_is_of_one_moment_while_the_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    csn = 0
    failures: list[BaseException] = []

    def back_up_often() -> None:
        try:
            for at in range(10):
                back_up(str(path), str(tmp_path / f"out {at}"))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=back_up_often)
    thread.start()
    while thread.is_alive():
        file.keep([Items(csn, [put(csn + each, f"{each}") for each in range(1, 51)], [])])
        csn += 50
        fold(file, csn)
    thread.join()
    file.close()
    assert not failures
    seen = []
    for at in range(10):
        reader = sqlite3.connect(tmp_path / f"out {at}")
        (last,) = reader.execute("SELECT max(csn) FROM committed").fetchone()
        (base,) = reader.execute("SELECT value FROM meta WHERE key = 'base_csn'").fetchone()
        rows = reader.execute("SELECT count(*), min(csn) FROM rows").fetchone()
        reader.close()
        assert last in (base, base + 50) or not base
        assert rows == ((50, base - 49) if base else (0, None))
        seen.append(last or 0)
    assert seen == sorted(seen)


def test_a_file_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    for at in range(20):
        file.keep(
            [Items(at * 100, [put(at * 100 + each, f"{each}", "v" * 100) for each in range(1, 101)], [])]
        )
    fold(file, 2000)
    file.truncate(2000)
    file.keep([])
    with pytest.raises(InUse):
        compact(str(path))
    expected = file.rows_after((0, "", ""), 1000, NO_LIMIT)
    file.close()
    before, after = compact(str(path))
    assert after == path.stat().st_size < before / 3
    again = open_file(path)
    assert again.rows_after((0, "", ""), 1000, NO_LIMIT) == expected
    again.check()
    again.close()
    path.write_bytes(b"x" * 5000)
    with pytest.raises(StorageDamaged, match="is no database of SQLite"):
        compact(str(path))


def test_a_newcomer_has_the_rows_that_it_needs_not_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = grown(path)
    file.put_address(CHILD, 5, "h:1")
    file.keep([])
    with pytest.raises(InUse):
        make_newcomer(str(path), str(tmp_path / "new"), with_rows=True)
    file.close()
    back_up(str(path), str(tmp_path / "backup"))
    for source in (path, tmp_path / "backup"):
        out = tmp_path / f"new of {source.name}"
        make_newcomer(str(source), str(out), with_rows=True)
        new = open_file(out)
        assert (new.name, new.cluster, new.csn, new.starts, new.is_member) == (None, "c1", 0, 1, False)
        assert new.link != file.link
        assert new.incoming == Incoming(BasePosition(0, 6, LAST, "", 6, 6), 0)
        base = new.base.after([put(1)])
        rows = folded_rows(
            [put(1), put(2, "b"), put(3, "caf\udce9"), put(4), Write(5, ROOT, DELETE, "playlist", "b", None),
             put(6, "a", "new")], 0,
        )  # fmt: skip
        new.install(type(base)(6, base.vector, (ROOT,), 0, 6), 0)
        new.keep([])
        assert sorted(new.rows_after((0, "", ""), 9, NO_LIMIT)) == sorted(rows)
        new.close()
    make_newcomer(str(path), str(tmp_path / "bare"), with_rows=False)
    bare = open_file(tmp_path / "bare")
    assert (bare.incoming, bare.cluster) == (None, "c1")
    bare.close()
    with pytest.raises(StorageFailed, match="bare is there already"):
        make_newcomer(str(path), str(tmp_path / "bare"), with_rows=False)


def test_how_much_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = grown(path)
    found = file.sizes(by_table=True)
    assert (found.log, found.tentative, found.rows, found.marks, found.vector) == (7, 2, 2, 1, 2)
    assert (found.incoming, found.answers) == (0, 0)
    assert found.file_bytes % 4096 == 0
    assert found.wal_bytes > 0
    if found.log_bytes is not None:
        assert found.log_bytes == 4096
        assert found.rows_bytes == 3 * 4096
    assert file.sizes().log_bytes is None
    assert free_bytes(str(path)) > 0
    assert file.has_room(1)
    assert not file.has_room(1 << 60)
    with pytest.raises(StorageFailed):
        free_bytes(str(tmp_path / "none" / "a"))
    file.close()


def test_the_commands_that_tend_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.bayou"
    file = grown(path)
    for verb in ("doctor", "compact"):
        assert main([verb, str(path)]) == 75
        assert "is in use by process" in capsys.readouterr().err
    file.close()
    assert main(["doctor", str(path)]) == 0
    looked = "looked through 7 committed writes, 2 tentative ones, 3 rows"
    assert capsys.readouterr().out == f"{looked}: nothing is wrong\n"
    assert main(["compact", str(path)]) == 0
    assert re.fullmatch(rf"{path}: \d+ bytes before, \d+ now\n", capsys.readouterr().out)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE rows SET value = '5' WHERE key = 'a'")
    other.close()
    assert main(["doctor", str(path)]) == 65
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"{looked}: something is wrong"
    assert "the row playlist/a of CSN 6 is damaged: its sum is wrong" in out
    path.write_bytes(b"")
    assert main(["doctor", str(path)]) == 65
    assert main(["doctor", str(tmp_path / "none")]) == 74
    assert main(["compact", str(tmp_path / "none")]) == 74
    assert main(["compact", str(path)]) == 65
    assert not (tmp_path / "none-lock").exists()
