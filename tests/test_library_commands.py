"""`bayou put`, `get`, `delete`, `scan`, `changes` and `shell`, on files and on servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bayou
from tests.clusters import free_ports
from tests.serving import PATIENCE_S, Servers

pytestmark = pytest.mark.processes


class Shell:
    """Runs commands in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bayou", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            input=given,
            timeout=PATIENCE_S,
            check=False,
        )

    def says(self, *words: str, given: str = "") -> str:
        """Return what a command prints that does what it should."""
        run = self.run(*words, given=given)
        assert (run.returncode, run.stderr) == (0, ""), run
        return run.stdout


@pytest.fixture(params=["file", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Shell, list[str]]]:
    """Give out a shell and the words that name a store."""
    if request.param == "file":
        bayou.open(tmp_path / "x.bayou").close()
        yield Shell(tmp_path), ["x.bayou"]
        return
    with Servers(tmp_path, 1) as servers:
        servers.start_all("--keep-writes", "all")  # or outcomes are soon forgotten
        yield Shell(tmp_path), [servers[0].address, "--secret-file", str(servers[0].secret)]


def test_rows_from_a_shell(store: tuple[Shell, list[str]]) -> None:
    shell, at = store
    assert shell.says("put", *at, "notes/monday", '{"done": false, "n": [1, null]}') == ""
    assert shell.says("put", *at, "notes/text", "buy milk") == ""
    assert shell.says("put", *at, "notes/number", "5") == ""
    assert shell.says("put", *at, "notes/5", "5", "--text") == ""
    assert shell.says("put", *at, "other/long", "-", given='"from\\nafar"\n') == ""
    assert json.loads(shell.says("get", *at, "notes/monday")) == {"done": False, "n": [1, None]}
    assert shell.says("get", *at, "notes/text") == "buy milk\n"
    assert shell.says("get", *at, "notes/text", "--json") == '"buy milk"\n'
    assert shell.says("get", *at, "other/long", "--committed") == "from\nafar\n"
    lines = [line.split("\t") for line in shell.says("scan", *at).splitlines()]
    assert [line[0] for line in lines] == [
        "notes/5", "notes/monday", "notes/number", "notes/text", "other/long",
    ]  # fmt: skip
    assert [line[1] for line in lines[:3]] == ['"5"', '{"done":false,"n":[1,null]}', "5"]
    assert {line[2] for line in lines} == {"committed"}
    assert shell.says("scan", *at, "notes/m") == 'notes/monday\t{"done":false,"n":[1,null]}\tcommitted\n'
    assert len(shell.says("scan", *at, "--limit", "2").splitlines()) == 2
    assert shell.says("delete", *at, "notes/text") == ""
    absent = shell.run("get", *at, "notes/text")
    assert (absent.returncode, absent.stdout, absent.stderr) == (1, "", "")
    changes = [json.loads(line) for line in shell.says("changes", *at).splitlines()]
    since = str(changes[1]["resume"])
    later = [json.loads(line) for line in shell.says("changes", *at, "--since", since).splitlines()]
    assert [each for each in later if each["value"]] == [each for each in changes[2:] if each["value"]]
    assert later[-1] == {"row": "notes/text", "value": None, "csn": 6, "resume": 6}
    assert shell.says("position", *at).startswith("csn 6\n")
    assert "csn 6\n" in shell.says("stats", *at)


BOOKED = "set rooms/A/10 {0} if absent rooms/A/10 else set rooms/A/11 {0} if absent rooms/A/11"


def test_general_writes_from_a_shell(store: tuple[Shell, list[str]]) -> None:
    shell, at = store
    first = shell.says("write", *at, "ann", *BOOKED.format("ann").split())
    assert re.fullmatch(r"[0-9]+@<>\tapplied\tcommitted\trooms/A/10\n", first)
    assert shell.says("write", *at, "bob", BOOKED.format("bob")).split("\t", 1)[1] == (
        "merged 1\tcommitted\trooms/A/11\n"
    )
    cid, *told = shell.says("write", *at, "cid", BOOKED.format("cid")).rstrip("\n").split("\t")
    assert told == ["conflict", "committed", f"!conflicts/{int(cid.partition('@')[0]):020}:"]
    assert shell.says("outcome", *at, first.split("\t")[0]) == "applied\tcommitted\trooms/A/10\n"
    assert shell.says("outcome", *at, cid, "--wait", "60").startswith("conflict\tcommitted\t")
    unknown = shell.run("outcome", *at, f"{1 << 62}@<>")
    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (1, "", "")
    (line,) = shell.says("conflicts", *at).splitlines()
    which, name, body, state = line.split("\t")
    assert (which, name, json.loads(body)["name"], state) == (cid, "cid", "cid", "committed")
    assert shell.says("conflicts", *at, "--committed") == f"{line}\n"
    assert shell.says("resolve", *at, cid) == ""
    assert shell.says("conflicts", *at) == ""
    again = shell.run("resolve", *at, cid)
    assert (again.returncode, again.stdout) == (1, "")
    assert "is no conflict there" in again.stderr
    words = ["add", "n/count", "-1", "and", "set", "n/text", "two words", "and", "set", "n/empty", ""]
    shell.says("write", *at, "words", *words, "and", "set", "n/json", '{"a": [1, 2.5]}', "if", "none", "n/")
    assert [line.split("\t")[:2] for line in shell.says("scan", *at, "n/").splitlines()] == [
        ["n/count", "-1"], ["n/empty", '""'], ["n/json", '{"a":[1,2.5]}'], ["n/text", '"two words"'],
    ]  # fmt: skip


def test_general_writes_at_a_prompt(store: tuple[Shell, list[str]]) -> None:
    shell, at = store
    given = f"write ann {BOOKED.format('ann')}\nwrite late del n/a if present n/a\nconflicts\n"
    lines = shell.says("shell", *at, given=given).splitlines()
    assert lines[0].endswith("\tapplied\tcommitted\trooms/A/10")
    late = lines[1].split("\t")[0]
    assert lines[2].startswith(f"{late}\tlate\t{{")
    given = f"outcome {late}\nresolve {late}\nconflicts\noutcome {1 << 62}@<>\nresolve {late}\n"
    run = shell.run("shell", *at, given=given)
    assert run.returncode == 1
    told, unknown = run.stdout.splitlines()
    assert told.startswith("conflict\tcommitted\t!conflicts/")
    assert unknown == "(there is no such write)"
    assert "is no conflict there" in run.stderr


def test_a_prompt_that_reads_from_a_pipe(store: tuple[Shell, list[str]]) -> None:
    shell, at = store
    given = 'put notes/a {"x": 1}\n# a comment\n\nput notes/b two words\nget notes/a\nget notes/c\n'
    given += "scan\npending\n"
    given += "contended\ncollections\ndelete notes/a\nchanges 2\nstatus\nhelp\nquit\nget notes/a\n"
    said = shell.says("shell", *at, given=given)
    assert said.startswith('{"x":1}\n(there is no such row)\nnotes/a\t{"x":1}\tcommitted\n')
    assert "\nnotes\n3\tnotes/a\tnull\n" in said
    assert "\ncsn 3\n" in said
    assert said.endswith("end\n")
    wrong = shell.run("shell", *at, given="frobnicate\nput notes/z 1\n")
    assert wrong.returncode == 2
    assert "no command" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["get", "x.bayou", "monday"], 2, "rows are named collection/key"),
        (["get", "x.bayou", "Notes/monday"], 2, "is no name of a collection"),
        (["put", "x.bayou", "notes/a", "null"], 2, "None is no value"),
        (["put", "x.bayou", "notes/a", '{"a": 1e999}'], 2, "not finite"),
        (["get", "none.bayou", "notes/a"], 1, "there is no such file"),
        (["position", "none.bayou"], 1, "there is no such file"),
        (["get", "127.0.0.1:1", "notes/a"], 2, "--secret-file"),
        (["get", "127.0.0.1:1", "notes/a", "--secret-file", "none"], 1, "there is no secret"),
        (["scan", "x.bayou", "--limit", "x"], 2, "is no number"),
        (["write", "x.bayou", "n"], 2, "an update is due at the end"),
        (["write", "x.bayou", "n", "put", "notes/a", "1"], 2, "'put' is no update: set, del, new"),
        (["write", "x.bayou", "n", "set notes/a 1 when absent notes/a"], 2, "where and, if, else"),
        (["write", "x.bayou", "n", "set", "Notes/a", "1"], 2, "is no name of a collection"),
        (["write", "x.bayou", "n" * 65, "nothing"], 2, "1 to 64 characters"),
        (["write", "x.bayou", "n", "call", "f", "1", "2"], 2, "the function f 1 is missing here"),
        (["write", "none.bayou", "n", "nothing"], 1, "there is no such file"),
        (["outcome", "x.bayou", "17"], 2, "is no name of a write"),
        (["resolve", "x.bayou", "17@<>"], 1, "is no conflict there"),
    ],
)
def test_what_goes_wrong_is_said(words: list[str], status: int, says: str, tmp_path: Path) -> None:
    bayou.open(tmp_path / "x.bayou").close()
    run = Shell(tmp_path).run(*words)
    assert (run.returncode, run.stdout) == (status, "")
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_a_file_that_is_in_use_and_a_server_that_is_not_there(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with bayou.open(tmp_path / "x.bayou"):
        for words in (["get", "x.bayou", "notes/a"], ["stats", "x.bayou"]):
            run = shell.run(*words)
            assert run.returncode == 75
            assert "in use by process" in run.stderr
    at = f"127.0.0.1:{free_ports(1)[0]}"
    run = shell.run("get", at, "notes/a", "--secret-file", "x.bayou-secret", "--within", "0.2")
    assert (run.returncode, "refused" in run.stderr) == (1, True)


def test_a_session_is_carried_on_in_a_file(tmp_path: Path) -> None:
    """What one command has written the next one sees, or is refused: at a server that has not heard of it."""
    shell = Shell(tmp_path)
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        options = ["--secret-file", str(servers[0].secret), "--token-file", "session", "--within", "1"]
        servers[0].kill()
        shell.says("put", servers[1].address, "notes/a", "1", *options)
        servers[1].kill()
        servers[0].start()
        run = shell.run("get", servers[0].address, "notes/a", *options)
        assert (run.returncode, run.stdout) == (1, "")
        assert "has seen or made" in run.stderr
        servers[1].start()
        options[-1] = str(PATIENCE_S)
        assert shell.says("get", servers[0].address, "notes/a", *options) == "1\n"
        (tmp_path / "session").write_text("bayou1.nonsense")
        assert shell.run("get", servers[0].address, "notes/a", *options).returncode == 2


def test_changes_are_followed(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers.start_all()
        at = [servers[0].address, "--secret-file", str(servers[0].secret)]
        process = subprocess.Popen(
            [sys.executable, "-m", "bayou", "changes", *at, "--follow"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            for number in range(3):
                servers[0].put(f"key-{number}", "value")
                assert json.loads(process.stdout.readline())["row"] == f"notes/key-{number}"
        finally:
            process.terminate()
            process.communicate()
