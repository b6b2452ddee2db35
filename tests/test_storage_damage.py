"""Files cut, changed and removed at every place: what a crash can leave is mended, all else is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bayou.storage import segment
from bayou.storage.copies import HEADER_BYTES as COPY_HEADER
from bayou.storage.store import StorageDamaged, StorageError
from tests.stores import ON_DISK, Place, Unsynced

REFUSED = "refused"
REMEDY = "restore it as it was when the node last ran .* a new id take the node's place through ChangeMembers"


@pytest.fixture(params=[*ON_DISK])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path, Unsynced())


def used(data: bytes) -> int:
    """Return how many bytes of a file are in use: behind them is room that was taken ahead."""
    return len(data.rstrip(b"\0"))


def live(place: Place) -> tuple[dict[str, bytes], dict[str, bytes], list[bytes]]:
    """Let a node live till it is killed. Return its files before its last batch, and after it, and its
    batches."""
    store = place.open()
    store.read()
    store.replace(b"snapshot 1")
    store.append(b"superseded")
    store.replace(b"snapshot 2")
    store.append(b"first")
    store.append(b"second")
    before = place.files()
    store.append(b"third")
    after = place.files()
    store.close()
    return before, after, [b"snapshot 2", b"first", b"second", b"third"]


def outcome(place: Place, files: dict[str, bytes]) -> list[bytes] | str:
    """Return what a process finds in these files, or that it refuses them, as they are."""
    place.put(files)
    try:
        batches = place.read()
    except StorageDamaged as error:
        if place.kind != "sqlite":  # which may bring its log into the database even so
            assert place.files() == files
        return REFUSED if str(place.path) in str(error) else str(error)
    return batches


def test_the_last_write_is_cut_at_every_byte(disk: Place) -> None:
    """It was under way: what was there before it is there, or it is."""
    before, after, has = live(disk)
    (name,) = (name for name in after if after[name] != before.get(name) and not name.endswith("-link"))
    files = {each: data for each, data in after.items() if not each.endswith("-link")}
    old, new = before[name], after[name]
    start, end = 0 if disk.kind == "two files" else used(old), used(new)
    steps = 1 if disk.kind != "sqlite" else 211
    seen = set()
    for size in [*range(start, len(new), steps), len(new)]:
        found = outcome(disk, {**files, name: new[:size]})
        assert found == (has if size >= end else has[:-1]), size
        with closing(disk.open()) as store:
            store.append(b"next") if store.read() == found else pytest.fail("it has changed")
        assert disk.read() == [*found, b"next"]
        seen.add(len(found))
    assert seen == {3, 4}


def test_the_last_write_is_there_from_every_byte_on(disk: Place) -> None:
    """Its end came to the disk before its beginning, as may be."""
    if disk.kind == "sqlite":
        pytest.skip("SQLite's own frames are cut above, and changed below")
    before, after, has = live(disk)
    (name,) = (name for name in after if after[name] != before.get(name))
    old, new = before[name], after[name]
    for at in range(1, len(new)):
        mixed = old[:at].ljust(at, b"\0") + new[at:]
        assert outcome(disk, {**after, name: mixed}) == (has if mixed == new else has[:-1]), at


@pytest.mark.parametrize("kind", ["two files", "log"])
@pytest.mark.parametrize(
    "flip",
    [0x01, pytest.param(0x80, marks=pytest.mark.campaign), pytest.param(0xFF, marks=pytest.mark.campaign)],
)
def test_each_byte_is_changed(tmp_path: Path, kind: str, flip: int) -> None:
    """Found as it was, refused, or taken for a torn last write where that is what it is."""
    place = Place(kind, tmp_path, Unsynced())
    before, after, has = live(place)
    (last,) = (name for name in after if after[name] != before.get(name))
    for name, data in after.items():
        for at in range(len(data)):
            found = outcome(place, {**after, name: data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]})
            if name == "id":
                expected: list[list[bytes] | str] = [REFUSED]
            elif name == last and at >= used(data):
                expected = [has]
            elif name == last and at >= (0 if kind == "two files" else used(before[name])):
                expected = [has[:-1]]
            elif name.startswith(("journal", last)):
                expected = [REFUSED]
            elif kind == "log" and name == "snapshot-1":
                expected = [REFUSED]  # the one that counts; the journal of the one before is gone
            else:
                expected = [has]
            assert found in expected, (name, at)


@pytest.mark.campaign
def test_each_byte_of_a_database_is_changed(tmp_path: Path) -> None:
    """Nothing that was acknowledged is missing in what is found, but for a last batch that can be torn."""
    place = Place("sqlite", tmp_path, Unsynced())
    before, after, has = live(place)
    files = {name: data for name, data in after.items() if not name.endswith("-link")}
    counts = {REFUSED: 0, "whole": 0, "torn": 0}
    for name, data in files.items():
        last_at = len(before[name]) if name.endswith("-wal") else len(data)
        step = 1 if len(data) < 2_000 else 61
        places = {*range(0, len(data), step), *(at for at in range(len(data)) if data[at] and at % 4 == 0)}
        for at in sorted(places):
            place.put({**files, name: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]})
            try:
                found = place.read()
            except StorageError:
                counts[REFUSED] += 1
                continue
            if at >= last_at and found == has[:-1]:
                counts["torn"] += 1
            else:
                assert found == has, (name, at)
                counts["whole"] += 1
    assert all(counts.values()), counts


def test_each_file_is_removed(disk: Place) -> None:
    _, after, has = live(disk)
    for name in after:
        left = {each: data for each, data in after.items() if each != name}
        if name in ("node-wal", "node-wal-link"):  # one file under two names
            assert outcome(disk, left) == has
            continue
        disk.put(left)
        with pytest.raises(StorageDamaged, match=rf"(?s){disk.path}.* is missing.*{REMEDY}"):
            disk.read()
    if disk.kind == "sqlite":
        disk.put({"node": after["node"]})
        with pytest.raises(
            StorageDamaged, match=f"node-wal is missing, and the database was not closed; {REMEDY}"
        ):
            disk.read()
    disk.put({})
    assert disk.read() == []


@pytest.mark.parametrize("kind", ["two files", "log"])
def test_both_copies_are_bad(tmp_path: Path, kind: str) -> None:
    place = Place(kind, tmp_path, Unsynced())
    _, after, _ = live(place)
    copies = [name for name in after if name[-2:] in ("-0", "-1")]
    assert len(copies) == 2
    for cut in (0, 10, COPY_HEADER - 1, COPY_HEADER + 1):
        place.put({**after, **{name: after[name][:cut] for name in copies}})
        with pytest.raises(StorageDamaged, match=rf"neither .*-0 nor .*-1 is a whole copy; {REMEDY}"):
            place.read()


@pytest.mark.parametrize("kind", ["two files", "log"])
def test_files_that_do_not_belong_together(tmp_path: Path, kind: str) -> None:
    """One of another time, of another node, or in the place of the other."""
    place = Place(kind, tmp_path, Unsynced())
    store = place.open()
    store.read()
    olds = [place.files()]
    for number in range(3):
        store.replace(b"%d" % number)
        olds.append(place.files())
    store.close()
    now = olds[-1]
    zero, one = (name for name in now if name[-2:] in ("-0", "-1"))
    for name in (zero, one):
        place.put({**now, name: olds[0][name]})
        with pytest.raises(
            StorageDamaged, match=rf"do not belong together: one has state \d, .* state \d; {REMEDY}"
        ):
            place.read()
    place.put({**now, zero: now[one], one: now[zero]})
    with pytest.raises(StorageDamaged, match=f"has the content of {place.path}/"):
        place.read()
    other = Place(kind, tmp_path / "other")
    other.path.mkdir(parents=True)
    live(other)
    place.put({**now, zero: other.files()[zero]})
    with pytest.raises(StorageDamaged, match="is a file of another folder"):
        place.read()
    place.put({**now, "id": other.files()["id"]})
    with pytest.raises(StorageDamaged, match="is a file of another folder"):
        place.read()


def test_segments_that_do_not_follow_the_snapshot(tmp_path: Path) -> None:
    place = Place("log", tmp_path, Unsynced())
    store = place.open()
    store.read()
    store.append(b"first")
    earlier = place.files()
    store.replace(b"snapshot 2")
    store.append(b"second")
    now = place.files()
    store.close()
    assert [*now] == ["id", "journal-2", "snapshot-0", "snapshot-1"]
    place.put({**now, "journal-1": earlier["journal-1"]})
    assert place.read() == [b"snapshot 2", b"second"]
    assert [*place.files()] == [*now]
    for name in ("journal-0", "journal-4", "journal-02", "journal-x"):
        place.put({**now, name: now["journal-2"]})
        with pytest.raises(
            StorageDamaged, match=f"{name} does not belong to snapshot 2, the newest one; {REMEDY}"
        ):
            place.read()
    renamed = {name: data for name, data in now.items() if name != "journal-2"}
    for files in ({**renamed, "journal-2": earlier["journal-1"]}, {**now, "journal-2": b""}):
        place.put(files)
        with pytest.raises(StorageDamaged, match="journal-2 does not follow the snapshot, or is damaged"):
            place.read()
    place.put({**now, "snapshot-0": earlier["snapshot-0"], "journal-1": earlier["journal-1"]})
    with pytest.raises(StorageDamaged, match=r"snapshot 2 is missing or damaged, and .*journal-2 follows it"):
        place.read()
    place.put({**now, "snapshot-0": earlier["snapshot-0"]})
    with pytest.raises(
        StorageDamaged, match=r"journal-1 is missing, which follows snapshot 1: there is a gap"
    ):
        place.read()


def test_a_batch_may_have_the_form_of_a_record(tmp_path: Path) -> None:
    """Torn or not, what is inside of it is no record of the segment, unless it is one indeed."""
    place = Place("log", tmp_path, Unsynced())
    store = place.open()
    store.read()
    store.append(b"first")
    store.append(b"rec" + segment.MARK * 5)
    before = place.files()["journal-1"]
    store.append(segment.MARK * 20)
    files = place.files()
    store.close()
    assert len(outcome(place, files)) == 3
    for size in range(len(before), len(files["journal-1"])):
        assert len(outcome(place, {**files, "journal-1": files["journal-1"][:size]})) == 2


def test_records_that_are_elsewhere_than_they_were_written(tmp_path: Path) -> None:
    """One is gone, one is there twice, two have changed places."""
    place = Place("log", tmp_path, Unsynced())
    store = place.open()
    store.read()
    files = place.files()
    data = [files["journal-1"]]
    for number in range(3):
        store.append(b"batch %d" % number)
        journal = place.files()["journal-1"]
        data.append(journal[sum(map(len, data)) : used(journal)])
    store.close()
    header, *records = data
    zero, one, two = records
    for wrong in (
        [one],
        [zero, two],
        [zero, zero, one, two],
        [one, zero, two],
        [zero, one, one],
        [zero, two, one],
    ):
        assert outcome(place, {**files, "journal-1": header + b"".join(wrong)}) == REFUSED, wrong
    assert outcome(place, {**files, "journal-1": header + zero + one}) == [b"batch 0", b"batch 1"]


def test_what_the_disk_had_before_in_the_same_place_is_no_record(tmp_path: Path) -> None:
    """A file that grew without its content may show records of a segment that was removed."""
    place = Place("log", tmp_path, Unsynced())
    store = place.open()
    store.read()
    for _ in range(2):
        store.append(b"superseded")
    before = place.files()["journal-1"]
    before = before[: used(before)]
    store.replace(b"snapshot")
    store.append(b"superseding")
    store.append(b"superseding too")
    files = place.files()
    store.close()
    short = files["journal-2"][: used(files["journal-2"]) - len(b"superseding too") - segment.PREFIX_BYTES]
    record = before[-len(b"superseded") - segment.PREFIX_BYTES :]
    assert outcome(place, {**files, "journal-2": short + record}) == [b"snapshot", b"superseding"]
    assert place.files()["journal-2"] == short


@pytest.mark.parametrize("tail", [bytes(1), bytes(10_000), os.urandom(5_000), segment.MARK * 9])
def test_what_is_no_record_at_the_end_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    place = Place("log", tmp_path, Unsynced())
    _, after, has = live(place)
    (name,) = (name for name in after if name.startswith("journal"))
    assert outcome(place, {**after, name: after[name] + tail}) == has
    assert place.files()[name] == after[name].rstrip(b"\0")  # the room that was taken ahead goes too


def test_a_torn_record_within_the_room_taken_ahead_is_cut_off(tmp_path: Path) -> None:
    place = Place("log", tmp_path, Unsynced())
    _, after, has = live(place)
    (name,) = (name for name in after if name.startswith("journal"))
    end = used(after[name])
    assert end < len(after[name])
    torn = after[name][: end - 1] + bytes(len(after[name]) - end + 1)
    assert outcome(place, {**after, name: torn}) == has[:-1]
    assert len(place.files()[name]) < end - len(has[-1])
    assert outcome(place, {**after, name: torn[:-1] + b"!"}) == REFUSED


CHILD = """
import resource, signal, sys
from pathlib import Path
from bayou.storage.store import StorageFailed
from tests.stores import Place
store = Place(sys.argv[1], Path(sys.argv[2])).open()
count = len(store.read())
if len(sys.argv) > 3:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    while True:
        store.append(b"%d " % count + bytes(200))
        count += 1
        print(count, flush=True)
except StorageFailed as error:
    for _ in range(2):
        try:
            store.append(b"more")
        except StorageFailed as again:
            assert again is error
        else:
            raise AssertionError
    store.close()
    print(error, file=sys.stderr)
    sys.exit(3)
"""


def test_a_file_that_may_not_grow(disk: Place) -> None:
    """The first write that does not fit ends the store; all that were acknowledged are there afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, disk.kind, str(disk.path.parent), "60000"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    told = done.stderr.decode()
    assert told.startswith(f"{disk.path}")
    if disk.kind != "sqlite":
        assert "can't be used: File too large; raise the limit on the size of files (ulimit -f), then" in told
    else:
        assert "can't be used: " in told
        assert "then start the node again" in told
    acknowledged = [int(number) for number in done.stdout.split()]
    assert acknowledged[-1:] > [10]
    batches = disk.read()
    assert len(batches) in (acknowledged[-1], acknowledged[-1] + 1)
    assert [int(batch.split()[0]) for batch in batches] == [*range(len(batches))]
    with closing(disk.open()) as store:
        store.read()
        store.append(b"more")
    assert disk.read() == [*batches, b"more"]


@pytest.mark.processes
def test_a_process_is_killed_while_it_writes(disk: Place) -> None:
    """Again and again, with nothing that was acknowledged lost."""
    least = 0
    for round_number in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, disk.kind, str(disk.path.parent)], stdout=subprocess.PIPE
        )  # fmt: skip
        with child:
            assert child.stdout is not None
            for _ in range(1 + 7 * round_number):
                least = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            for line in child.stdout:  # acknowledged before it died
                least = int(line)
        assert child.returncode == -signal.SIGKILL
        batches = disk.read()
        assert len(batches) in (least, least + 1)
        assert [int(batch.split()[0]) for batch in batches] == [*range(len(batches))]
