"""Server processes that are killed come back from their journals; the campaign is `python -m tests.kills`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bayou.core.errors import BayouError
from bayou.master.commands import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.records import Answered
from bayou.storage.journal import Journal
from bayou.wire import keeping
from bayou.worlds.processes import host
from bayou.worlds.processes.world import ProcessWorld
from tests.kills import kill
from tests.processes import run_master

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
    try:
        problems = kill(20, seed=2).problems()
    except BayouError:
        return  # a server that gave the same numbers twice is cut off by the others, say
    assert any("lacks" in line for line in problems)


def test_answers_that_are_not_remembered_make_writes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose answer was lost with its server is sent again when that is back."""
    pack = keeping.pack
    monkeypatch.setattr(
        host, "pack", lambda records: pack([each for each in records if not isinstance(each, Answered)])
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


def journals_of(run: Run) -> Path:
    """Return the folder of a run's journals."""
    assert isinstance(run.world, ProcessWorld)
    return Path(run.world.folder)


def test_a_journal_that_is_damaged_keeps_its_server_from_starting(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line says which file, and where in it."""
    path = sorted(journals_of(run).iterdir())[-1]
    run.line(5, b"crashServer 1")
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"\xff\xff" + data[42:])
    why = f"server 1 could not be restarted: {path} is damaged: what begins at byte 16 is no record"
    with pytest.raises(BayouError, match=re.escape(why)):
        run.line(6, b"restartServer 1")
    assert capfd.readouterr() == ("", "")


def test_a_torn_end_of_a_journal_is_cut_off(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    path = sorted(journals_of(run).iterdir())[-1]
    run.line(5, b"crashServer 1")
    size_bytes = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\x00\x00\x01")
    run.line(6, b"restartServer 1")
    assert path.stat().st_size == size_bytes
    run.line(7, b"put 9 a c")
    assert path.stat().st_size > size_bytes
    assert capfd.readouterr() == ("", "")


def test_the_folder_of_a_run_goes_with_it(run: Run) -> None:
    folder = journals_of(run)
    assert len(list(folder.iterdir())) == 2
    assert folder.stat().st_mode & 0o777 == 0o700
    run.world.close()
    assert not folder.exists()


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    done = run_master("joinServer 0\n", TMPDIR=str(missing))
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"the folder {missing}/bayou-" in done.stderr.decode()
    assert "No such file or directory; see TMPDIR" in done.stderr.decode()
