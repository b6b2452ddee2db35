"""What all example programs do that make general writes: their errors, their help, and what others may have
written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bayou
from tests.clusters import free_ports
from tests.laptops import PROGRAMS, Laptop, Serving, joined
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers

APPS = ("rooms", "bibliography", "stock", "todo")
DAY = "2026-12-07"
MAY, FINAL = "This may still change.", "This is final."

pytestmark = pytest.mark.processes


def test_errors_are_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    """Those of what the programs share."""
    one = Laptop(tmp_path / "one", "stock")
    (port,) = free_ports(1)
    there = f"127.0.0.1:{port}"
    assert "there is no secret" in one.fails("join", there)
    assert "No such file" in one.fails("join", there, "--secret-file", "nowhere")
    (one.folder / "given").write_text("00" * 32)
    assert "does it run" in one.fails("join", there, "--secret-file", "given")
    assert [path.name for path in one.folder.iterdir()] == ["given"]  # nothing is in the way of another try
    one("new")
    assert "is there already" in one.fails("new")
    assert "is there already" in one.fails("join", there)
    assert "no server is known to sync with" in one.fails("sync")
    assert "there is no problem 1" in one.fails("dismiss", "1")
    assert one("problems") == ["No problems."]
    assert "usage:" in one.fails("lists", status=2)
    assert "usage:" in one.fails(status=2)
    one("deliver", "tea", "1")
    for text in (
        "{",
        "5",
        "[5]",
        '[{"write": "x", "facts": {"id": "a"}, "told": ""}]',
        '[{"write": "1@<>"}]',
    ):
        (one.folder / "stock.bayou-mine").write_text(text)
        assert "stock.bayou-mine is damaged" in one.fails("deliver", "tea", "1")
    assert one("list") == ["  1 tea"]


@pytest.mark.parametrize("app", APPS)
def test_each_program_says_how_it_is_used(app: str, tmp_path: Path) -> None:
    one = Laptop(tmp_path / "one", app)
    text = " ".join("".join(f"{line}\n" for line in one("--help")).split())
    for command in ("new", "join", "sync", "mine", "problems", "dismiss", "list"):
        assert f" {command} " in text
    assert "Exit status: 0 done, 1 an error, 2 no such command, 3 something" in text
    assert one("sync", "--help")[0].startswith(f"usage: {app} sync")
    assert "begin it with `new` or `join`" in one.fails("list")
    bayou.open(one.folder / "other.bayou").close()
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{app}.py"), "list"],
        cwd=one.folder,
        env={**os.environ, app.upper(): "other.bayou"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr) == (0, 1, b"")


def test_a_problem_that_may_settle_itself_can_not_be_dismissed(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        ann, bob = joined(tmp_path, "rooms", servers[0], "ann", "bob")
        servers[0].stop()
        ann("book", "Ann", "Oak", DAY, "9")
        bob("book", "Bob", "Oak", DAY, "9")
        with Serving(ann) as address:
            (told,) = bob.sync(address, status=3)
        assert told == f"Bob, nothing is booked in Oak on {DAY}: Ann has 09:00. {MAY}"
        assert bob("mine", status=3) == [told]
        assert bob("problems") == [f"1* Bob wants Oak on {DAY}, 09:00"]
        assert "may still settle itself" in bob.fails("dismiss", "1")
        # Ann cancels, which stands behind Bob's booking: that does not let it fit.
        ann("cancel", "Ann", "Oak", DAY, "9")
        with Serving(ann) as address:
            assert bob.sync(address, status=3) == [
                f"Bob, nothing is booked in Oak on {DAY}: somebody had 09:00. {MAY}"
            ]
        servers[0].start()
        assert bob.sync(servers[0].address, status=3)[0].endswith(FINAL)
        assert bob("dismiss", "1") == []


def test_what_is_no_longer_known_is_said(tmp_path: Path) -> None:
    """The log is truncated before the news is told; or the file is another one."""
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        (ann,) = joined(tmp_path, "todo", servers[0], "ann")
        ann("add", "milk")
        with bayou.open(ann.folder / "todo.bayou") as db:
            db.sync(servers[0].address)
            db._engine.change(lambda replica: replica.fold())
            db._engine.change(lambda replica: replica.truncate(replica.csn))
        assert ann("mine") == ['Settled, and `list` shows what there is now: milk is "milk".']
        assert ann("mine") == ["All that was written here is final."]
        ann("add", "tea")
        (ann.folder / "todo.bayou").unlink()
        bayou.open(ann.folder / "todo.bayou").close()
        assert ann("mine") == ['Nothing is known here any more of: tea is "tea".']
        assert ann("mine") == ["All that was written here is final."]


@pytest.mark.parametrize("app", APPS)
def test_what_others_have_written_is_no_danger(app: str, tmp_path: Path) -> None:
    """Neither to a terminal, nor in the way of a program: any program may write to the same store."""
    one = Laptop(tmp_path / "one", app)
    one("new")
    evil = "\x1b[2J\x9bevil\n"
    booking = {"id": "x", "who": evil, "for": evil, "room": "Oak", "day": DAY, "hours": ["9"]}
    entry = {"id": "x", "text": evil}
    paper = {"id": "x", "title": evil, "by": evil, "year": evil, "same": evil}
    values: list[Any] = [1, "text", [], {}, entry, booking, paper, {**booking, "hours": 5}]
    with bayou.open(one.folder / f"{app}.bayou") as db:
        for name in ("rooms", "papers", "stock", "items", "ticks"):
            for key in ("of another program", f"Oak/{DAY}/9", f"a\x1b/{evil}/b"):
                for number, value in enumerate(values):
                    db[name][key if name == "stock" else f"{key}{number}"] = value
                    db[name][f"{evil}/{number}/{key}"] = value
            db.write(bayou.Write(evil).delete(name, "nobody").if_present(name, "nobody"))
    lines = one("list") + one("problems") + one("mine")
    assert "".join(lines).isprintable()
    assert "evil" in "".join(lines)


def test_kill_9_loses_nothing_that_was_told(tmp_path: Path) -> None:
    """A loop of deliveries is killed; all that were told are counted, and the next command goes on."""
    one = Laptop(tmp_path / "one", "stock")
    one("new")
    loop = f'while :; do "{sys.executable}" "{PROGRAMS / "stock.py"}" deliver tea 1; done >> told'
    for _ in range(3):
        with subprocess.Popen(["sh", "-c", loop], cwd=one.folder, start_new_session=True) as shell:
            told = one.folder / "told"
            before = told.read_text().count("\n") if told.exists() else 0
            wait_until(lambda: told.exists() and told.read_text().count("\n") > before + 1, PATIENCE_S)  # noqa: B023
            os.killpg(shell.pid, signal.SIGKILL)
    (line,) = one("list")
    assert int(line.split()[0]) >= (one.folder / "told").read_text().count("delivered") >= 6
    assert one("mine") in (
        ["All that was written here is final."],
        [f"1 tea delivered. {FINAL}"],  # that of which nobody was told
    )
