"""Server processes that are killed come back from their journals; the campaign is `python -m tests.kills`."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.families.store.keeping import StoreKeeping
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.records import Answered
from bayou.storage.journal import Journal, nameless
from bayou.worlds.processes import host
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import NodeLost
from tests.kills import kill
from tests.processes import Master, run_master

pytestmark = pytest.mark.processes


def test_whatever_was_acknowledged_survives() -> None:
    outcome = kill(40, seed=1)
    assert outcome.problems() == []
    assert sum(map(len, outcome.acknowledged.values())) > 100


def test_what_is_not_made_durable_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the journal's batches, that is: each server comes back as it was when it joined."""
    append = Journal.append

    def forget(self: Journal, batch: bytes) -> None:
        if self.size_bytes < 1000:
            append(self, batch)

    monkeypatch.setattr(Journal, "append", forget)
    for seed in range(20):
        try:
            if any("lacks" in line for line in kill(20, seed).problems()):
                return
        except BayouError:
            return  # a server that gave the same numbers twice is cut off by the others, say
    pytest.fail("nothing was missed")


def test_answers_that_are_not_remembered_make_writes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose answer was lost with its server is sent again when that is back."""
    pack = StoreKeeping.pack
    monkeypatch.setattr(
        StoreKeeping,
        "pack",
        lambda self, records: pack(self, [each for each in records if not isinstance(each, Answered)]),
    )
    seeds = iter(range(20))
    while not any("times" in line for line in kill(20, next(seeds)).problems()):
        pass


@pytest.fixture
def run() -> Iterator[Run]:
    """A run of processes, on a server and its client."""
    world = ProcessWorld()
    run = Run(world, COMMANDS, RunSettings("run"), write=lambda _: None, complain=print)
    try:
        for number, line in enumerate(("joinServer 0", "joinServer 1", "joinClient 9 1", "put 9 a b")):
            run.line(number, line.encode())
        yield run
    finally:
        world.close()


def journal_of(run: Run) -> int:
    """Return the descriptor of the journal of server 1."""
    assert isinstance(run.world, ProcessWorld)
    return run.world.journals[1]


def test_a_journal_that_is_damaged_keeps_its_server_from_starting(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line says which journal, and where in it."""
    run.line(5, b"crashServer 1")
    os.pwrite(journal_of(run), b"\xff\xff", 40)
    why = "the journal of server 1 is damaged: what begins at byte 16 is no record"
    with pytest.raises(BayouError, match=f"server 1 could not be restarted: {why}"):
        run.line(6, b"restartServer 1")
    assert capfd.readouterr() == ("", "")


def test_a_torn_end_of_a_journal_is_cut_off(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    fd = journal_of(run)
    run.line(5, b"crashServer 1")
    size_bytes = os.fstat(fd).st_size
    os.pwrite(fd, b"\x00\x00\x01", size_bytes)
    run.line(6, b"restartServer 1")
    assert os.fstat(fd).st_size == size_bytes
    run.line(7, b"put 9 a c")
    assert os.fstat(fd).st_size > size_bytes
    assert capfd.readouterr() == ("", "")


def test_journals_have_no_names_and_so_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where master and nodes are killed at once."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Master() as master:
        master.say("joinServer 0", "joinServer 1", "joinClient 9 1", "put 9 a b")
        master.say("crashServer 1", "restartServer 1")
        assert master.ask("get 9 a") == "a:b"
        assert list(tmp_path.iterdir()) == []


def test_a_journal_of_a_server_that_left_is_closed(run: Run) -> None:
    fd = journal_of(run)
    run.line(5, b"retireServer 1")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_where_no_journal_can_be_made_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    done = run_master("joinServer 0\n", TMPDIR=str(missing))
    assert (done.returncode, done.stdout) == (1, b"")
    why = f"<stdin>:1: a journal for a server can't be made in {missing}: No such file or directory"
    assert done.stderr.decode() == f"{why}; TMPDIR says where\n"


def test_without_nameless_files_a_name_is_taken_away_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    fd = nameless(str(tmp_path))
    assert os.pwrite(fd, b"there", 0) == 5
    assert list(tmp_path.iterdir()) == []
    os.close(fd)


# Disks that are full.


def fill(run: Run) -> None:
    """Put until the world says that a node is lost."""
    for number in range(100):
        run.line(10 + number, f"put 9 song {'x' * 1000}{number}".encode())


def test_a_server_that_can_write_no_more_ends_and_its_journal_is_whole(run: Run) -> None:
    """Real writes fail, beyond a limit on the size of its files. What nobody heard of is in no log."""
    assert isinstance(run.world, ProcessWorld)
    size_bytes = os.fstat(journal_of(run)).st_size
    resource.prlimit(run.world.pids[1], resource.RLIMIT_FSIZE, (size_bytes + 10_000, resource.RLIM_INFINITY))
    with pytest.raises(NodeLost, match=r"^server 1 has ended by itself, as it could not write its journal$"):
        fill(run)
    journal = Journal("journal", fd=os.dup(journal_of(run)))
    records = [record for batch in journal.read() for record in StoreKeeping().unpack(batch)]
    journal.close()
    assert 2 < sum(isinstance(record, Items) for record in records) < 100


def test_a_run_ends_with_an_error_where_a_disk_is_full() -> None:
    puts = "\n".join(f"put 9 song {'x' * 1000}{number}" for number in range(100))
    scenario = f"joinServer 0\njoinClient 9 0\n{puts}\nprintLog 0\n"
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 20; exec {sys.executable} -m bayou.master"],
        input=scenario.encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, b"")
    first, second = done.stderr.decode().splitlines()
    assert first == (
        "server 0: the journal of server 0 can't be written: File too large; "
        "raise the limit on the size of files (ulimit -f)"
    )
    assert second.endswith(": server 0 has ended by itself, as it could not write its journal")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; make room in /somewhere, or let TMPDIR name another place"),
        (errno.EIO, "Input/output error; it is in /somewhere; TMPDIR names another place"),
    ],
)
def test_what_to_do_about_a_journal_that_can_not_be_written(
    monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    monkeypatch.setenv("TMPDIR", "/somewhere")
    assert str(host.Unwritten("it", OSError(number, os.strerror(number)))) == f"it can't be written: {remedy}"
