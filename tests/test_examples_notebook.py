"""The notebook among the examples: two laptops (folders) that are edited offline, and a server that is not
always there. Each command is a process of its own, as people run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import Servers

NOTEBOOK = Path(__file__).parent.parent / "examples" / "notebook.py"
PATIENCE_S = 240.0
SYNC = ("sync", "--timeout", "200")
"""Patient, since other tests want the same processors."""

pytestmark = pytest.mark.processes


class Laptop:
    """A folder with a notebook."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def run(self, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if name not in {"NOTEBOOK", "VISUAL", "EDITOR"}
        }
        return subprocess.run(
            [sys.executable, str(NOTEBOOK), *words],
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env=kept | variables,
        )

    def __call__(self, *words: str, given: str = "", **variables: str) -> list[str]:
        """Run a command that succeeds; return the lines that it prints."""
        done = self.run(*words, given=given, **variables)
        assert (done.returncode, done.stderr) == (0, ""), (words, done.stderr)
        return done.stdout.splitlines()

    def fails(self, *words: str, status: int = 1, given: str = "", **variables: str) -> str:
        """Run a command that fails; return what it says."""
        done = self.run(*words, given=given, **variables)
        assert (done.returncode, done.stdout) == (status, ""), (words, done)
        if status == 1:
            assert done.stderr.startswith("notebook: ")
            assert done.stderr.count("\n") == 1
        return done.stderr

    def titles(self, *words: str) -> list[str]:
        """Return marks and titles as listed, in the order of titles."""
        listed = self(*(words or ("list",)))
        return sorted((f"{line[9:11]}{line[30:]}" for line in listed), key=lambda line: line[2:])


def test_two_laptops_edited_offline_agree_after_a_sync(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        one, two = Laptop(tmp_path / "one"), Laptop(tmp_path / "two")
        joining = ("join", servers[0].address, "--secret-file", str(servers[0].secret))
        assert one(*joining) == ["notebook.bayou has joined, with 0 notes."]
        (id,) = one("add", "Groceries", "milk", "and bread")
        assert one.titles() == ["* Groceries"]
        assert one(*SYNC) == ["sent 1, received 0, committed 1"]
        assert one.titles() == ["  Groceries"]
        assert two(*joining) == ["notebook.bayou has joined, with 1 note."]
        assert (two.folder / "notebook.bayou-secret").stat().st_mode & 0o777 == 0o600

        # Both offline: each adds a note, and both edit the same one.
        servers[0].stop()
        assert "is there a network?" in one.fails(*SYNC)
        # Without the secret, too, all but a sync goes on.
        (one.folder / "notebook.bayou-secret").rename(tmp_path / "lost")
        assert one.titles() == ["  Groceries"]
        assert "there is no secret" in one.fails(*SYNC)
        one("add", "Only here")
        one("edit", id[:4], "milk and butter")
        two("edit", id, "-", given="only bread\n")
        (other,) = two("add", "Of the other")
        assert one("pending")[0].endswith("  Only here")
        assert [line.split("  ")[1] for line in one("pending")] == [
            "Only here",
            "Groceries",
            "a version goes",
        ]
        assert two.titles() == ["* Groceries", "* Of the other"]

        servers[0].start()
        (tmp_path / "lost").rename(one.folder / "notebook.bayou-secret")
        one(*SYNC)
        told = two(*SYNC)
        assert told[-1] == "1 note edited in two places: `list` marks !"
        one(*SYNC)
        assert one("list") == two("list")
        assert one.titles() == [" !Groceries", "  Of the other", "  Only here"]
        assert one("show", id) == two("show", id)
        assert {"milk and butter", "only bread"} <= set(one("show", id))
        assert (
            one("pending")
            == two("pending")
            == ["Nothing is pending: all that was written here is committed."]
        )

        # One of them makes one note of the two versions; a note that is deleted is gone on both.
        two("edit", id, "milk, butter and bread")
        two("delete", other)
        two(*SYNC)
        one(*SYNC)
        assert one("list") == two("list")
        assert one.titles() == ["  Groceries", "  Only here"]
        assert one("show", id)[2:] == ["milk, butter and bread"]
        assert one.titles("search", "BUTTER", "groc") == ["  Groceries"]
        assert one("search", "butter", "nowhere") == []


def test_a_note_that_is_deleted_here_and_edited_there_stays_as_edited(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        laptops = [Laptop(tmp_path / name) for name in ("one", "two")]
        for each in laptops:
            each("join", servers[0].address, "--secret-file", str(servers[0].secret))
        (id,) = laptops[0]("add", "Plan", "A")
        for each in laptops:
            each(*SYNC)
        laptops[0]("delete", id)
        laptops[1]("edit", id, "B")
        for each in (*laptops, laptops[0]):
            each(*SYNC)
        for each in laptops:
            assert each("show", id)[2:] == ["B"]


def test_a_notebook_of_its_own_that_others_join_later(tmp_path: Path) -> None:
    one, two = Laptop(tmp_path / "one"), Laptop(tmp_path / "two")
    one("new")
    one("add", "First")
    assert one.titles() == ["  First"]  # it commits by itself
    with Servers(one.folder, 1) as servers:
        (one.folder / "notebook.bayou").rename(servers[0].data)
        (one.folder / "notebook.bayou-secret").rename(servers[0].secret)
        servers[0].start()
        assert "is in use by process" in one.fails("--file", str(servers[0].data), "list")
        two("join", servers[0].address, "--secret-file", str(servers[0].secret))
        assert two.titles() == ["  First"]


def test_an_editor_is_used_where_no_text_is_given(tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one")
    one("new")
    (id,) = one("add", "Plan", "-", given="line one\nline two\n")
    editor = "sed -i -e s/two/2/"
    one("edit", id, EDITOR=editor)
    assert one("show", id)[2:] == ["line one", "line 2"]
    one("edit", id, "--title", "Better plan")
    assert one("show", id)[0].startswith("Better plan  (")
    assert one("show", id)[2:] == ["line one", "line 2"]
    assert "the editor failed, and nothing was changed" in one.fails("edit", id, EDITOR="false")
    assert "the editor failed" in one.fails("edit", id, VISUAL="/nowhere/editor")
    assert one("show", id)[2:] == ["line one", "line 2"]


def test_errors_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one")
    assert "begin one with `new` or `join`" in one.fails("list")
    (port,) = free_ports(1)
    secret = one.folder / "given"
    assert "there is no secret" in one.fails("join", f"127.0.0.1:{port}")
    assert "can't be copied" in one.fails("join", f"127.0.0.1:{port}", "--secret-file", "nowhere")
    secret.write_text("00" * 32)
    assert "does it run" in one.fails("join", f"127.0.0.1:{port}", "--secret-file", "given")
    # Nothing is left of it that is in the way of another try.
    assert sorted(path.name for path in one.folder.iterdir()) == ["given"]
    assert "HOST:PORT" in one.fails("join", "nonsense", "--secret-file", "given")
    one("new")
    assert "is there already" in one.fails("new")
    assert "is there already" in one.fails("join", f"127.0.0.1:{port}")
    (a,), (b,) = one("add", "A"), one("add", "B")
    assert "no note is called 'zzz'" in one.fails("show", "zzz")
    assert "no note is called ''" in one.fails("show", "")
    assert "no note is called" in one.fails("delete", f"{a}/")
    ids = [a, b]
    while len({id[0] for id in ids}) == len(ids):  # until two begin alike
        ids += one("add", "more")
    first = next(id[0] for id in ids if sum(other[0] == id[0] for other in ids) > 1)
    assert f"2 notes begin with {first!r}" in one.fails("show", first)
    assert "no server is known to sync with" in one.fails(*SYNC)
    assert "1048576" in one.fails("add", "too large", "-", given="x" * (1 << 20))
    assert "usage:" in one.fails("shows", status=2)
    assert "usage:" in one.fails(status=2)


def test_what_others_have_written_is_no_danger_to_a_terminal(tmp_path: Path) -> None:
    import bayou

    one = Laptop(tmp_path / "one")
    one("new")
    (id,) = one("add", "\x1b[2J\x9bevil", "text\x07\nline")
    with bayou.open(one.folder / "notebook.bayou") as db:
        db["notes"]["of another program"] = 1
        db["notes"]["half/one"] = {"title": "no text"}
    assert "".join(one("list") + one("show", id)).isprintable()
    assert len(one("list")) == 1


def test_kill_9_in_the_middle_of_adding_loses_nothing_that_was_told(tmp_path: Path) -> None:
    """A loop of adds is killed; each id that was printed is there."""
    one = Laptop(tmp_path / "one")
    one("new")
    loop = f'while :; do "{sys.executable}" "{NOTEBOOK}" add note; done >> told'
    for _ in range(3):
        with subprocess.Popen(["sh", "-c", loop], cwd=one.folder, start_new_session=True) as shell:
            told = one.folder / "told"
            before = told.read_text().count("\n") if told.exists() else 0
            wait_until(lambda: told.exists() and told.read_text().count("\n") > before + 1, PATIENCE_S)  # noqa: B023
            os.killpg(shell.pid, signal.SIGKILL)
    listed = {line[:8] for line in one("list")}
    assert set((one.folder / "told").read_text().split()) <= listed
    assert "Nothing is pending" in one("pending")[0]
