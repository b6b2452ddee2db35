"""Files of replicas through crashes: what was kept is there as a whole, what was not is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.core.items import Items
from bayou.core.past import NO_LIMIT, BasePosition, Chunk
from bayou.core.values import to_value
from bayou.storage.files import SystemFiles
from tests.replica_files import Twins, copy_files, first_file, folded_rows, open_file, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.storage.replica.file import ReplicaFile


@pytest.mark.parametrize("seed", range(4))
def test_a_crash_behind_any_transaction_leaves_what_was_kept(seed: int, tmp_path: Path) -> None:
    twins = Twins(tmp_path / "a.bayou", Random(f"crashes {seed}"))
    for at in range(25):
        twins.step()
        running = twins.file
        twins.file = open_file(copy_files(twins.path, tmp_path / f"{at}"), moved=True)
        assert not twins.file.was_clean
        twins.compare()
        twins.file.abandon()
        twins.file = running
    twins.close()


def _fold(file: ReplicaFile) -> None:
    writes = file.committed(0, 40, NO_LIMIT)
    file.fold(writes, folded_rows(writes, 0), file.base.after(writes))


def _truncate(file: ReplicaFile) -> None:
    _fold(file)
    file.truncate(20)


def _drop_marks(file: ReplicaFile) -> None:
    _fold(file)
    file.drop_marks(40)


def _receive(file: ReplicaFile) -> None:
    chunk = Chunk(
        BasePosition.beginning(0), [("notes", f"{at:05}", to_value(at), 1) for at in range(999)], 99, 0
    )
    file.receive(chunk, chunk.incoming(None))


def _install(file: ReplicaFile) -> None:
    _receive(file)
    base = file.base.after([put(each) for each in range(1, 100)])
    file.install(base, 0)


CHANGES: dict[str, Callable[[ReplicaFile], None]] = {
    "fold": _fold,
    "receive": _receive,
    "install": _install,
    "truncate": _truncate,
    "drop marks": _drop_marks,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_within_a_transaction_leaves_what_was_before(change: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    file = first_file(path)
    file.keep([Items(0, [put(each, f"{each % 9}") for each in range(1, 101)], [put(200, "t")])])
    before = file.load().items
    file.database.execute("PRAGMA cache_size = 5").fetchall()  # so that it writes before it commits
    CHANGES[change](file)
    copy = copy_files(path, tmp_path / "within")
    file.keep([])
    after = (file.load().items, file.base, file.rows_after((0, "", ""), 1 << 20, NO_LIMIT))
    other = copy_files(path, tmp_path / "behind")
    file.close()
    within = open_file(copy, moved=True)
    assert within.load().items == before
    assert within.base.csn == within.omitted_csn == 0
    assert within.incoming is None
    assert within.rows_after((0, "", ""), 1 << 20, NO_LIMIT) == []
    within.check()
    within.close()
    behind = open_file(other, moved=True)
    assert (behind.load().items, behind.base, behind.rows_after((0, "", ""), 1 << 20, NO_LIMIT)) == after
    behind.close()


WRITER = """
import sys
from pathlib import Path
from bayou.core.items import Items
from bayou.core.past import NO_LIMIT
from tests.replica_files import folded_rows, first_file, open_file, put
path = Path(sys.argv[1])
file = open_file(path) if path.exists() else first_file(path)
loaded = file.load()
print("open", file.csn, flush=True)
tentative = list(loaded.items.tentative)
stamp = 2 * file.csn + len(tentative) + 1
while True:
    csn = file.csn
    new = [put(stamp + each, f"{(stamp + each) % 50}", f"v{stamp + each}") for each in range(3)]
    stamp += 3
    told = [write.notice() for write in tentative]
    file.keep([Items(csn, told + new[:2], new[2:])])
    tentative = new[2:]
    print(file.csn, flush=True)
    if csn % 7 == 0:
        writes = file.committed(file.base.csn, file.base.csn + 20, NO_LIMIT)
        file.fold(writes, folded_rows(writes, file.base.csn), file.base.after(writes))
        file.keep([])
        file.truncate(max(file.omitted_csn, file.base.csn - 30))
        file.keep([])
"""


def test_a_process_killed_at_any_moment_keeps_its_word(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    random = Random("kills")
    told = 0
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            word, csn = writer.stdout.readline().split()
            assert word == "open"
            assert int(csn) >= told
            for _ in range(random.randrange(40)):
                writer.stdout.readline()
            deadline = random.random() / 200
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(timeout=deadline)
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split("\n")
            told = max([told, *(int(line) for line in lines[:-1] if line.isdigit())])
        file = open_file(path)
        assert file.csn >= told
        told = file.csn
        file.check()
        items = file.load().items
        rows = file.rows_after((0, "", ""), 1 << 20, NO_LIMIT)
        assert len(rows) <= 50
        for _, key, value, _ in rows:
            assert value is not None
            assert int(value[2:-1]) % 50 == int(key)
        assert len(items.tentative) == 1
        assert items.csn + len(items.committed) == file.csn
        file.abandon()
    assert told > 100


class Crash(BaseException):
    """The machine goes down."""


CALLS = {
    "names",
    "open",
    "lock",
    "read",
    "write",
    "truncate",
    "sync",
    "sync_folder",
    "rename",
    "remove",
    "token",
}


class CrashingFiles(SystemFiles):
    """Files of a machine that goes down with the call of that number."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def __getattribute__(self, name: str) -> object:
        if name in CALLS:
            self.left -= 1
            if self.left < 0:
                raise Crash(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize("is_old", [False, True])
def test_a_crash_with_any_call_of_ours_while_a_file_is_opened(is_old: bool, tmp_path: Path) -> None:
    at, crashes = 0, 0
    while True:
        path = tmp_path / f"{at}.bayou"
        if is_old:
            file = first_file(path)
            file.keep([Items(0, [put(1)], [])])
            file.abandon()
        opened = None
        try:
            opened = open_file(path, files=CrashingFiles(at))
            opened.close()
        except Crash:
            crashes += 1
            if opened is not None:
                opened.abandon()
        again = open_file(path)
        assert again.csn == is_old
        again.check()
        again.close()
        assert not Path(f"{path}-making").exists()
        if crashes <= at:
            break
        at += 1
    assert crashes > (5 if is_old else 12)
