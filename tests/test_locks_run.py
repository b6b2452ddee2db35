"""``bayou locks run``: scripts of clients, in both worlds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import Bayou, bayou
from tests.processes import wait_until

WORLDS = [pytest.param("processes", marks=pytest.mark.processes), "sim"]
both = pytest.mark.parametrize("world", WORLDS)


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which scripts are written, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    return tmp_path


def write(**texts: str) -> list[str]:
    """Write scripts, whose lines are separated by commas here; return the names of the files."""
    for name, text in texts.items():
        Path(name).write_text("".join(f"{line.strip()}\n" for line in text.split(",")))
    return list(texts)


def run(world: str, *arguments: str, hashes: str = "0") -> subprocess.CompletedProcess[str]:
    return bayou("locks", "run", "--world", world, *arguments, PYTHONHASHSEED=hashes)


def run_well(world: str, *arguments: str) -> list[str]:
    """Run scripts, of which nothing is to be said; return the grants."""
    done = run(world, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@both
def test_each_grant_is_printed_and_the_end_gives_back(scripts: Path, world: str) -> None:
    """Whoever comes second has to wait for the end of the other one."""
    files = write(a="lock 5, lock 7", b="lock 5, lock 7")
    first, second = [["5: 0", "7: 0"], ["5: 1", "7: 1"]]
    assert run_well(world, *files) in (first + second, second + first)


def test_a_lock_is_granted_in_the_order_of_its_queue(scripts: Path) -> None:
    names = write(
        a="lock 1, sleep 1, unlock 1, lock 1",
        b="sleep 0.2, lock 1, sleep 0.5",
        c="sleep 0.4, lock 1",
        d="sleep 0.6, lock 1",
    )
    assert run_well("sim", *names) == ["1: 0", "1: 1", "1: 2", "1: 3", "1: 0"]


def while_all_begin(world: str) -> str:
    """Return a step in which all others get as far as their own step like this."""
    return "sleep 0.3" if world == "sim" else "sleep 2"


@both
def test_a_deadlock_is_seen_at_once(scripts: Path, world: str) -> None:
    rest = while_all_begin(world)
    names = write(a=f"lock 1, {rest}, lock 2", b=f"lock 2, {rest}, lock 1", c="lock 3, lock 4")
    began = time.monotonic()
    done = run(world, "--deadline", "60", *names)
    assert time.monotonic() - began < 30
    assert done.returncode == 3
    assert sorted(done.stdout.splitlines()) == ["1: 0", "2: 1", "3: 2", "4: 2"]
    deadlock, *waiting = done.stderr.splitlines()
    assert deadlock.startswith(
        "bayou locks run: deadlock: all scripts that have not ended wait for each other;"
    )
    assert waiting == [
        "a:3: client 0 waits for lock 2, which client 1 holds",
        "b:3: client 1 waits for lock 1, which client 0 holds",
    ]


@both
def test_others_wait_behind_a_deadlock(scripts: Path, world: str) -> None:
    """A circle of three, and one more who waits for one of them; whoever can go on does, to its end."""
    rest = while_all_begin(world)
    names = write(
        a=f"lock 1, {rest}, lock 2",
        b=f"lock 2, {rest}, lock 3",
        c=f"lock 3, {rest}, lock 1",
        d=f"{rest}, {rest}, lock 1",
        e=f"{rest}, {rest}, {rest}, lock 9, sleep 0.1",
    )
    done = run(world, *names)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "9: 4"
    assert done.stderr.splitlines()[1:] == [
        "a:3: client 0 waits for lock 2, which client 1 holds",
        "b:3: client 1 waits for lock 3, which client 2 holds",
        "c:3: client 2 waits for lock 1, which client 0 holds",
        "d:3: client 3 waits for lock 1, which client 0 holds",
    ]


@both
def test_what_changes_nothing_is_remarked_on(scripts: Path, world: str) -> None:
    done = run(world, *write(a="lock 1, lock 1, unlock 2, unlock 1, unlock 1, lock 3"))
    assert (done.returncode, done.stdout) == (0, "1: 0\n3: 0\n")
    assert done.stderr.splitlines() == [
        "a:2: lock 1: client 0 holds it already, or waits for it",
        "a:3: unlock 2: client 0 does not hold it",
        "a:5: unlock 1: client 0 does not hold it",
    ]


@both
def test_scripts_without_steps_end(scripts: Path, world: str) -> None:
    assert run_well(world, *write(a="", b="# nothing")) == []


@both
def test_all_that_can_go_wrong_with_messages(scripts: Path, world: str) -> None:
    """Each client has lock 1 three times, whatever becomes of messages; and never two at a time."""
    names = write(**dict.fromkeys("abcd", "lock 1, unlock 1, lock 1, unlock 1, lock 1, unlock 1"))
    faults = ["--loss", "0.2", "--duplicate", "0.2", "--reorder", "0.3", "--delay", "10", "--timeout", "0.05"]
    done = run(world, "--servers", "5", "--verbose", *faults, *names)
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == sorted(f"1: {client}" for client in range(4) for _ in range(3))
    assert len(tokens(done.stderr)) == 12
    assert tokens(done.stderr) == sorted(set(tokens(done.stderr)))


def tokens(stderr: str) -> list[int]:
    return [int(line.rpartition(" ")[2]) for line in stderr.splitlines() if "token" in line]


@both
def test_tokens_grow(scripts: Path, world: str) -> None:
    names = write(a="lock 1, unlock 1, lock 1", b="lock 1, unlock 1, lock 1")
    done = run(world, "--verbose", *names)
    assert len(tokens(done.stderr)) == 4
    assert tokens(done.stderr) == sorted(set(tokens(done.stderr)))


# Servers that fail.


@both
def test_the_leader_fails_at_once_and_nobody_minds(scripts: Path, world: str) -> None:
    done = run(world, "--fail", "0", "--verbose", *write(a="lock 1"))
    assert (done.returncode, done.stdout) == (0, "1: 0\n")
    assert "server 0 has died" in done.stderr.splitlines()


@both
def test_a_majority_that_fails_for_good(scripts: Path, world: str) -> None:
    names = write(a="lock 1, sleep 6, lock 2", b="sleep 2, lock 1")
    done = run(world, "--fail", "1@4", "--fail", "2@4", "--deadline", "1", *names)
    assert (done.returncode, done.stdout) == (3, "1: 0\n")
    assert done.stderr.splitlines() == [
        "bayou locks run: nothing has moved for 1 s: of 3 servers 1, 2 are down",
        "a:3: client 0 waits for a majority of the servers to carry out 'lock 2'",
        "b:2: client 1 waits for lock 1, which client 0 holds",
    ]


@both
def test_one_server_of_one_fails(scripts: Path, world: str) -> None:
    done = run(world, "--servers", "1", "--fail", "0@0", "--deadline", "0.5", *write(a="lock 1"))
    assert done.returncode == 3
    assert done.stderr.splitlines()[0].endswith("of 1 servers 0 is down")


@both
def test_servers_recover(scripts: Path, world: str) -> None:
    """All fail, some twice; what was granted before stands, as they come back from what was durable. That
    takes longer than the deadline, but the run knows that something will move."""
    names = write(a="lock 1, sleep 3, unlock 1", b="sleep 2, lock 1, lock 2")
    fails = [word for each in ("0@2.5", "1@2.5", "2@2.5", "0@3.2") for word in ("--fail", each)]
    done = run(world, *fails, "--recover", "2.5", "--deadline", "1", "--verbose", *names)
    assert (done.returncode, done.stdout) == (0, "1: 0\n1: 1\n2: 1\n")
    lines = done.stderr.splitlines()
    assert lines.count("server 0 has died") >= 1
    assert lines.count("server 2 has died") == lines.count("server 2 is back") == 1


# Time.


def test_sleep_takes_virtual_time(scripts: Path) -> None:
    """And is no standstill, however long it is."""
    began = time.monotonic()
    assert (
        run_well("sim", "--deadline", "1", *write(a="lock 1, sleep 1000, unlock 1", b="lock 1"))[0][0] == "1"
    )
    assert time.monotonic() - began < 60


@pytest.mark.processes
def test_sleep_is_no_standstill(scripts: Path) -> None:
    assert run_well("processes", "--deadline", "0.3", *write(a="sleep 1, lock 1")) == ["1: 0"]


FAULTS = ["--loss", "0.3", "--duplicate", "0.2", "--reorder", "0.2", "--delay", "30", "--fail", "0@0.1"]


def test_one_seed_gives_the_same_bytes(scripts: Path) -> None:
    """Whatever Python does with hashes; another seed gives others."""
    names = write(a="lock 1, sleep 0.1, lock 2, unlock 1", b="lock 2, unlock 2, lock 1", c="lock 1, unlock 1")
    runs = [
        run("sim", "--verbose", "--seed", seed, *FAULTS, "--recover", "0.5", *names, hashes=hashes)
        for seed in ("1", "2")
        for hashes in ("0", "1", "2")
    ]
    outcomes = [(done.returncode, done.stdout, done.stderr) for done in runs]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert outcomes[3] == outcomes[4] == outcomes[5]
    assert outcomes[0] != outcomes[3]


# What is wrong with the command line, and with files.


@pytest.mark.parametrize(
    "arguments",
    [
        ["--servers", "0"], ["--servers", "100"], ["--servers", "x"], ["--loss", "0.91"], ["--loss", "-0.1"],
        ["--loss", "nan"], ["--duplicate", "1"], ["--reorder", "x"], ["--delay", "10001"], ["--delay", "-1"],
        ["--timeout", "0"], ["--timeout", "0.0001"], ["--timeout", "1e6"], ["--fail", "3"], ["--fail", "-1"],
        ["--fail", "0@"], ["--fail", "0@x"], ["--fail", "0@-1"], ["--recover", "-1"], ["--deadline", "0"],
        ["--world", "moon"], ["--seed", "x"], ["--data", "d", "--world", "sim"], ["--frobnicate"],
    ],
)  # fmt: skip
def test_a_wrong_option(scripts: Path, arguments: list[str]) -> None:
    done = bayou("locks", "run", *arguments, *write(a="lock 1"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "bayou locks run: error: " in done.stderr
    assert not Path("d").exists()


def test_without_a_file(scripts: Path) -> None:
    assert bayou("locks", "run").returncode == 2


@both
def test_nothing_starts_where_a_line_is_off(scripts: Path, world: str) -> None:
    """All files are read first, and all that is off in them is told."""
    names = write(a="lock 1, unlock 1", b="lock 1, lok 2, sleep x", c="unlock")
    done = (
        run(world, "--data", "d", *names, "d.txt", ".")
        if world == "processes"
        else run(world, *names, "d.txt", ".")
    )
    assert (done.returncode, done.stdout) == (2, "")
    starts = [
        "b:2: 'lok 2': ",
        "b:3: 'sleep x': ",
        "c:1: 'unlock': ",
        "d.txt: can't be read: ",
        ".: can't be read: ",
    ]
    lines = done.stderr.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    assert not Path("d").exists()


def test_many_lines_that_are_off_are_counted(scripts: Path) -> None:
    done = run("sim", *write(a=",".join(["lok 1"] * 50)))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 21
    assert done.stderr.splitlines()[-1] == "and 30 more lines like these"


def test_odd_bytes_in_a_script_are_told(scripts: Path) -> None:
    Path("a").write_bytes(b"\xef\xbb\xbflock 1\r\n\xff\x00\x1b[31m 1\n")
    done = run("sim", "a")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert done.stderr.startswith("a:2: ")
    assert len(done.stderr.splitlines()) == 1


def test_its_verbs_are_told() -> None:
    for words in (["locks", "--help"], ["locks", "help"], ["locks", "run", "--help"]):
        done = bayou(*words)
        assert done.returncode == 0
        assert "usage: bayou locks" in done.stdout
    for words in (["locks"], ["locks", "walk"]):
        done = bayou(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage: bayou locks VERB" in done.stderr


# What is kept.


@pytest.mark.processes
def test_a_later_run_goes_on(scripts: Path) -> None:
    """What clients of the first run held is given back, tokens go on growing, and clients with the ids of
    earlier ones are not taken for them."""
    first = run("processes", "--data", "d/e", "--verbose", *write(a="lock 1, unlock 1, lock 2"))
    assert first.returncode == 0
    second = run("processes", "--data", "d/e", "--verbose", *write(a="lock 2, lock 1, unlock 1, lock 1"))
    assert (second.returncode, second.stdout) == (0, "2: 0\n1: 0\n1: 0\n")
    assert "what clients of earlier runs held has been given back" in second.stderr.splitlines()
    both_runs = tokens(first.stderr) + tokens(second.stderr)
    assert len(both_runs) == 5
    assert both_runs == sorted(set(both_runs))


@pytest.mark.processes
def test_what_a_killed_run_held_is_given_back(scripts: Path) -> None:
    holds, takes = write(holds="lock 1, sleep 1000", takes="lock 1")
    with Bayou("locks", "run", "--data", "d", "--servers", "5", holds) as killed:
        assert killed.hear() == "1: 0"
        in_use = run("processes", "--data", "d", "--servers", "5", takes)
        assert (in_use.returncode, in_use.stdout) == (1, "")
        assert "d/server-0.journal is in use by another run: wait for its end" in in_use.stderr
        os.kill(killed.process.pid, signal.SIGKILL)
        wait_until(lambda: not killed.family())
    done = run("processes", "--data", "d", "--servers", "5", "--fail", "0@0", takes)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1: 0\n", "")


@pytest.mark.processes
def test_a_directory_that_is_not_fit_is_refused(scripts: Path) -> None:
    (name,) = write(a="lock 1")
    assert run("processes", "--data", "d", name).returncode == 0

    def refused(*arguments: str) -> str:
        done = run("processes", *arguments, name)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    assert "d is of 3 servers, not 5: say --servers 3" in refused("--data", "d", "--servers", "5")
    assert "has a, and no run.json" in refused("--data", ".")
    assert "a: nothing can be kept there: File exists" in refused("--data", "a")
    journal = Path("d/server-1.journal")
    kept = journal.read_bytes()
    journal.unlink()
    assert "d/server-1.journal is missing: restore it" in refused("--data", "d")
    damaged = bytearray(kept)
    damaged[40] ^= 0xFF
    journal.write_bytes(damaged)
    done = run("processes", "--data", "d", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert "d/server-1.journal is damaged" in done.stderr
    journal.write_bytes(kept)
    note = Path("d/run.json").read_text()
    for wrong in ("{", "[]", '{"bayou": "chat", "version": 1}', note.replace('"runs": ', '"runs": -')):
        Path("d/run.json").write_text(wrong)
        assert "d/run.json" in refused("--data", "d")
    Path("d/run.json").write_text(note)
    assert run_well("processes", "--data", "d", name) == ["1: 0"]


# How it ends.


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_within_a_second(scripts: Path, number: signal.Signals) -> None:
    with Bayou("locks", "run", "--servers", "5", *write(a="lock 1, sleep 1000", b="lock 2")) as running:
        assert sorted((running.hear(), running.hear())) == ["1: 0", "2: 1"]
        assert len(running.family()) == 9
        began = time.monotonic()
        os.killpg(running.process.pid, number)  # as a terminal does
        assert running.process.wait(20) == -number
        wait_until(lambda: not running.family())  # a signal for all ends each by itself
        assert time.monotonic() - began < 1
        assert running.end()[1:] == ("", "")


@pytest.mark.processes
def test_a_shell_sees_130_after_ctrl_c(scripts: Path) -> None:
    (name,) = write(a="lock 1, sleep 1000")
    words = f"{sys.executable} -m bayou locks run {name}; echo status $?"
    shell = subprocess.Popen(
        ["sh", "-c", f"trap : INT; {words}"], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    assert shell.stdout is not None
    with shell:
        assert shell.stdout.readline() == "1: 0\n"
        os.killpg(shell.pid, signal.SIGINT)
        assert shell.stdout.readline() == "status 130\n"


@pytest.mark.processes
def test_nothing_outlives_a_killed_run(scripts: Path) -> None:
    with Bayou("locks", "run", *write(a="lock 1, sleep 1000")) as running:
        assert running.hear() == "1: 0"
        os.kill(running.process.pid, signal.SIGKILL)
        assert wait_until(lambda: not running.family(), 10) < 1


@pytest.mark.processes
def test_nobody_reads_the_output(scripts: Path) -> None:
    names = write(a="lock 1, sleep 0.3, lock 2, lock 3, lock 4, lock 5")
    with Bayou("locks", "run", *names) as running:
        assert running.hear() == "1: 0"
        assert running.process.stdout is not None
        os.close(os.dup(running.process.stdout.fileno()))
        running.process.stdout.close()
        assert running.process.wait(20) == 141
        running.process.stdout = open(os.devnull, "rb")  # noqa: SIM115  # which is closed with the rest


@pytest.mark.processes
def test_a_server_that_somebody_else_kills_ends_the_run(scripts: Path) -> None:
    with Bayou("locks", "run", *write(a="lock 1, sleep 1000")) as running:
        assert running.hear() == "1: 0"
        os.kill(running.pid_of("bayou server 1"), signal.SIGKILL)
        assert running.hear_error() == "bayou locks run: server 1 has ended by itself, killed by signal 9"
        assert running.end()[0] == 1
