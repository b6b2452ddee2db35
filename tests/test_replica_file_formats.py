"""Files of replicas of older and newer formats, and the commit group in a file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bayou.core.group import Group
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import Base, BasePosition, Bounded, Chunk, Folded, Installed, Truncated
from bayou.core.vector import VersionVector
from bayou.core.votes import Decree, Vote, first_vote
from bayou.core.write import CREATION, GROUP, RETIREMENT, Write
from bayou.node.records import Activated, ConsentGiven, Named, Voted
from bayou.storage.replica.doctor import diagnose
from bayou.storage.replica.schema import FORMAT, MIGRATIONS, SCHEMA
from bayou.storage.replica.sums import told_sum
from bayou.storage.store import StorageDamaged, StorageError, StorageForeign
from tests.replica_files import first_file, folded_rows, open_file, put
from tests.test_replica_file_damage import everything, marked

if TYPE_CHECKING:
    from pathlib import Path

    from bayou.core.name import Name
    from bayou.storage.replica.file import ReplicaFile

HEIR = ROOT.child(2)
OTHER = ROOT.child(3)
MEMBERS = (ROOT, HEIR, OTHER)


def set_format(path: Path, version: object, *changes: str) -> None:
    """Let a file be of another format."""
    with sqlite3.connect(path) as other:
        other.execute(
            "UPDATE meta SET value = ?, sum = ? WHERE key = 'format'", (version, told_sum("format", version))
        )
        for change in changes:
            other.execute(change)
    other.close()


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    first_file(path).close()
    set_format(path, FORMAT + 1, "ALTER TABLE committed ADD COLUMN outcome")
    before = path.read_bytes()
    with pytest.raises(
        StorageForeign,
        match=f"is of format {FORMAT + 1}, and this version of bayou reads format {FORMAT}: use the",
    ) as error:
        open_file(path)
    assert error.value.exit_status == 65
    assert path.read_bytes() == before
    set_format(path, "new")
    with pytest.raises(StorageDamaged, match="its format is no number"):
        open_file(path)


def without_group(primary: str = "") -> tuple[str, ...]:
    """Return what makes format 2 of format 3, of a file whose base names that primary."""
    return (
        "DELETE FROM meta WHERE key IN ('base_group', 'base_epoch', 'boundary', 'decided')",
        f"INSERT INTO meta VALUES ('base_primary', '{primary}', {told_sum('base_primary', primary)})",
    )


WITHOUT_GENERAL_WRITES = (
    "DROP TABLE results",
    "DELETE FROM meta WHERE key = 'base_digest'",
    *without_group(),
)


def test_a_file_without_general_writes_takes_them_from_now_on(tmp_path: Path) -> None:
    """Format 1, which knew of none."""
    path = tmp_path / "a.bayou"
    marked(path)
    expected_file = open_file(path)
    expected = everything(expected_file)
    expected_file.close()
    set_format(path, 1, *WITHOUT_GENERAL_WRITES)
    file = open_file(path)
    assert everything(file) == expected
    assert (file.result(1), file.base.digest) == (None, "")
    file.check()
    file.close()


def test_an_older_format_becomes_the_present_one_in_one_transaction(tmp_path: Path) -> None:
    """A format 0, made here: it had no addresses, and its marks were not indexed."""
    path = tmp_path / "a.bayou"
    marked(path)
    expected_file = open_file(path)
    expected = everything(expected_file)
    expected_file.close()
    set_format(path, 0, "DROP TABLE addresses", "DROP INDEX marks_a", *WITHOUT_GENERAL_WRITES)
    with pytest.raises(StorageForeign, match="is of format 0"):
        open_file(path)
    steps: list[str] = []

    def to_1(connection: sqlite3.Connection) -> None:
        steps.append("addresses")
        connection.execute(SCHEMA[-1])
        if len(steps) == 1:
            raise sqlite3.OperationalError("the machine goes down here")
        connection.execute("CREATE INDEX marks_a ON rows (csn) WHERE value IS NULL")

    with pytest.raises(StorageError, match="the machine goes down here"):
        open_file(path, migrations={**MIGRATIONS, 0: to_1})
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master WHERE name = 'addresses'").fetchone() == (0,)
        assert other.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == (0,)
    other.close()
    file = open_file(path, migrations={**MIGRATIONS, 0: to_1})
    expected[4] = []
    assert everything(file) == expected
    file.close()
    again = open_file(path)
    again.check()
    again.close()


def handed_over(path: Path, *, folded: int, omitted: int) -> Base:
    """Make a file of format 2 in which the first server has handed its duty over to HEIR, with CSN 4; return
    the base that is due."""
    file = first_file(path)
    writes = [
        put(1),
        Write(2, ROOT, CREATION, "", "", None),
        Write(3, ROOT, CREATION, "", "", None),
        Write(4, ROOT, RETIREMENT, "", "", HEIR),
        put(5, "b", server=HEIR),
        Write(6, OTHER, RETIREMENT, "", "", None),
    ]
    file.keep([Items(0, writes, [put(7, "c", server=HEIR)])])
    base = file.base.after(writes[:folded])
    file.fold(writes[:folded], folded_rows(writes[:folded], 0), base)
    file.truncate(omitted)
    file.keep([Folded(folded), Truncated(omitted)])
    file.check()
    file.close()
    set_format(path, 2, *without_group("" if folded < 4 else "2"))
    return base


@pytest.mark.parametrize(("folded", "omitted"), [(0, 0), (3, 2), (4, 0), (4, 3), (6, 3)])
def test_a_primary_becomes_the_commit_group(tmp_path: Path, folded: int, omitted: int) -> None:
    """Format 2, which knew one primary: the epoch is the CSN of the retirement that named it."""
    path = tmp_path / "a.bayou"
    due = handed_over(path, folded=folded, omitted=omitted)
    assert (due.group, due.epoch) == (((ROOT,), 0) if folded < 4 else ((HEIR,), 4))
    file = open_file(path)
    assert (file.base, file.omitted_csn, file.boundary) == (due, omitted, 0)
    assert "base_primary" not in file.database.meta
    assert file.has_decided()
    file.check()
    file.close()
    assert diagnose(str(path)).findings == []


def test_an_epoch_that_cant_be_known_any_more_is_not_made_up(tmp_path: Path) -> None:
    """Other servers may still know it, and all have to go by the same one."""
    path = tmp_path / "a.bayou"
    handed_over(path, folded=5, omitted=4)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(
            StorageForeign, match=r"a\.bayou is of format 2, and its log goes back no"
        ) as error:
            open_file(path)
        assert error.value.exit_status == 65
        assert path.read_bytes() == before


def test_a_later_change_of_the_primary_tells_the_epoch(tmp_path: Path) -> None:
    """What an unknown epoch of the base was ends with it."""
    path = tmp_path / "a.bayou"
    file = first_file(path)
    writes = [
        Write(1, ROOT, CREATION, "", "", None),
        Write(2, ROOT, CREATION, "", "", None),
        Write(3, ROOT, RETIREMENT, "", "", ROOT.child(1)),
        Write(4, ROOT.child(1), RETIREMENT, "", "", HEIR),
    ]
    file.keep([Items(0, writes, [])])
    file.fold(writes[:3], [], file.base.after(writes[:3]))
    file.truncate(3)
    file.keep([Folded(3), Truncated(3)])
    file.close()
    set_format(path, 2, *without_group("1"))
    again = open_file(path)
    assert again.base.group == (ROOT.child(1),)
    after = again.base.after(writes[3:])
    assert (after.group, after.epoch) == ((HEIR,), 4)
    again.close()


@pytest.mark.parametrize(("primary", "folded"), [("3", 4), ("", 4), ("2", 3)])
def test_a_primary_that_the_log_contradicts(tmp_path: Path, primary: str, folded: int) -> None:
    path = tmp_path / "a.bayou"
    handed_over(path, folded=folded, omitted=0)
    set_format(path, 2, f"UPDATE meta SET value = '{primary}', sum = {told_sum('base_primary', primary)} "
               "WHERE key = 'base_primary'")  # fmt: skip
    with pytest.raises(StorageDamaged, match=r"its base names '.*' as the primary, and its log"):
        open_file(path)


def test_what_is_wrong_with_an_older_file_is_found_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    handed_over(path, folded=4, omitted=0)
    set_format(path, 2, "DELETE FROM committed WHERE csn = 2")
    before = path.read_bytes()
    with pytest.raises(StorageDamaged, match="its log has 5 writes, where 6 are due"):
        open_file(path)
    assert path.read_bytes() == before


# The commit group.


def grouped(path: Path) -> tuple[ReplicaFile, list[Write]]:
    """Return the file of a member of a group of three, which was made by CSN 4, and its writes."""
    file = first_file(path)
    writes = [
        put(1),
        Write(2, ROOT, CREATION, "", "", None),
        Write(3, ROOT, CREATION, "", "", None),
        Write(4, ROOT, GROUP, "", "", Group(0, MEMBERS).text),  # type: ignore[arg-type]  # it is a text
        put(5, "b"),
        put(6, "c"),
    ]
    file.keep([Items(0, writes[:4], writes[4:])])
    return file, writes


def test_a_group_write_is_kept_and_folded(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file, writes = grouped(path)
    file.close()
    file = open_file(path)
    assert file.load().items == Items(0, writes[:4], writes[4:])
    base = file.base.after(writes[:4])
    assert (base.group, base.epoch) == (MEMBERS, 4)
    file.fold(writes[:4], folded_rows(writes[:4], 0), base)
    file.keep([Folded(4)])
    file.check()
    file.close()
    file = open_file(path)
    assert file.base == base
    file.check()
    file.close()


def test_the_boundary_is_kept_with_what_it_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file, writes = grouped(path)
    assert (file.boundary, file.load().boundary) == (0, 0)
    file.keep([Items(4, [writes[4].notice()], []), Bounded(5), Items(5, [writes[5].notice()], [])])
    file.abandon()
    file = open_file(path)
    assert (file.csn, file.boundary, file.load().boundary) == (6, 5, 5)
    file.fold(writes[:5], folded_rows(writes[:5], 0), file.base.after(writes[:5]))
    file.keep([Folded(5)])
    assert (file.boundary, file.load().boundary) == (5, 0)
    file.check()
    file.close()


def test_a_base_that_comes_in_is_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file, _ = grouped(path)
    chunk = Chunk(BasePosition.beginning(0), [], 9, 0)
    file.receive(chunk, chunk.incoming(None))
    base = Base(9, VersionVector({ROOT: 8, HEIR: 2, OTHER: 3}), MEMBERS, 4, 8)
    file.install(base, 0)
    file.keep([chunk, Installed(base, 0)])
    file.abandon()
    file = open_file(path)
    assert (file.csn, file.base, file.boundary) == (9, base, 9)
    file.check()
    file.close()


def put_meta(path: Path, **values: int | str) -> None:
    with sqlite3.connect(path) as other:
        for key, value in values.items():
            told = value, told_sum(key, value), key
            other.execute("UPDATE meta SET value = ?, sum = ? WHERE key = ?", told)
    other.close()


def test_a_base_beyond_the_boundary_is_refused(tmp_path: Path) -> None:
    """And a boundary beyond the last write."""
    path = tmp_path / "a.bayou"
    file, writes = grouped(path)
    file.keep([Items(4, [each.notice() for each in writes[4:]], []), Bounded(6)])
    file.fold(writes, folded_rows(writes, 0), file.base.after(writes))
    file.keep([Folded(6)])
    file.close()
    for boundary, about in ((5, "ends at 5, its base has 6, and its last write 6"), (7, "ends at 7, ")):
        put_meta(path, boundary=boundary)
        with pytest.raises(StorageDamaged, match=about):
            open_file(path)
        (found,) = diagnose(str(path)).findings
        assert about in found
    put_meta(path, boundary=6)
    open_file(path).close()


@pytest.mark.parametrize(("group", "epoch"), [("", 4), (" 2 3", 3), (" 2", 4)])
def test_the_group_of_a_base_is_what_its_writes_make(tmp_path: Path, group: str, epoch: int) -> None:
    path = tmp_path / "a.bayou"
    file, writes = grouped(path)
    file.fold(writes[:4], folded_rows(writes[:4], 0), file.base.after(writes[:4]))
    file.keep([Folded(4)])
    file.close()
    assert diagnose(str(path)).findings == []
    put_meta(path, base_group=group, base_epoch=epoch)
    findings = diagnose(str(path)).findings
    assert "vector or commit group of the base are not what all its writes make" in findings


def test_of_votes_and_consents_the_latest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file, _ = grouped(path)
    decree = Decree(1, HEIR, 4, VersionVector({ROOT: 5, HEIR: 2, OTHER: 3}))
    last = Voted(Vote(ROOT, 4, 2, OTHER, decree))
    file.keep([Voted(first_vote(ROOT, 4)), ConsentGiven(0), Voted(Vote(ROOT, 4, 1, HEIR, decree))])
    file.keep([last, ConsentGiven(4)])
    file.abandon()
    file = open_file(path)
    facts = [fact for fact in file.load().facts if isinstance(fact, Voted | ConsentGiven)]
    assert facts == [last, ConsentGiven(4)]
    file.close()


@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize(
    ("named", "has_decided"), [((HEIR,), True), ((ROOT, HEIR), True), ((ROOT,), False), ((OTHER,), False)]
)
def test_who_was_ever_in_the_group_knows_that(
    tmp_path: Path, named: tuple[Name, ...], has_decided: bool, is_folded: bool
) -> None:
    """Also when another group has come since, and the log is truncated."""
    path = tmp_path / "a.bayou"
    file = open_file(path)
    file.keep([Named(HEIR), Activated()])
    writes = [
        Write(2, ROOT, CREATION, "", "", None),
        Write(3, ROOT, CREATION, "", "", None),
        Write(4, ROOT, GROUP, "", "", Group(0, named).text),  # type: ignore[arg-type]  # it is a text
        Write(5, ROOT, GROUP, "", "", Group(3, (OTHER,)).text),  # type: ignore[arg-type]
    ]
    file.keep([Items(0, writes, [])])
    if is_folded:
        file.fold(writes, [], file.base.after(writes))
        file.truncate(4)
        file.keep([Folded(4), Truncated(4)])
    file.close()
    file = open_file(path)
    assert file.has_decided() is has_decided
    file.keep([Voted(first_vote(HEIR, 3))])
    assert file.has_decided()
    file.close()
