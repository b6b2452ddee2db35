"""The file that says what a cluster is: written by a command, edited by people, read with all its lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from stat import S_IMODE

import pytest

from bayou.cli import main
from bayou.cluster.config import ConfigError, Place, read_config, read_secret
from bayou.cluster.numbered import NoJSON, Part, parse


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*arguments: str) -> int:
    """Run ``bayou chat config``; return its exit status."""
    try:
        return main(["chat", "config", *arguments])
    except SystemExit as ended:
        return int(str(ended.code))


def test_what_is_written_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert make("-f", "2", "-o", "here.json", "--host", "::1", "--port", "9000", "--loss", "0.25") == 0
    assert capsys.readouterr().out == "here.json: 5 servers; here.json-secret: the secret that lets them in\n"
    config = read_config("here.json")
    assert config.servers == tuple(Place("::1", 9000 + id) for id in range(5))
    assert (config.loss, config.timeout_s, config.heartbeat_s, config.election_s) == (0.25, 0.2, 0.1, 0.5)
    assert (config.window, config.snapshot_every) == (64, 10_000)
    assert len(read_secret("here.json")) == 32
    assert S_IMODE(os.stat("here.json-secret").st_mode) == 0o600


def test_times_follow_from_the_time_out_unless_they_are_given() -> None:
    assert make("--timeout", "1") == 0
    config = read_config("cluster.json")
    assert (config.timeout_s, config.heartbeat_s, config.election_s) == (1.0, 0.5, 2.5)
    assert make("--timeout", "1", "--election", "4", "--force") == 0
    config = read_config("cluster.json")
    assert (config.timeout_s, config.heartbeat_s, config.election_s) == (1.0, 0.5, 4.0)
    edit(heartbeat_s=0.1, election_s=0.3)
    config = read_config("cluster.json")
    assert (config.timeout_s, config.heartbeat_s, config.election_s) == (1.0, 0.1, 0.3)


def test_nothing_is_replaced_unless_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert make() == 0
    before = (read_config("cluster.json"), read_secret("cluster.json"))
    assert make() == 1
    told = capsys.readouterr().err
    assert told == "bayou chat config: cluster.json is there already; --force replaces it\n"
    os.unlink("cluster.json")
    assert make() == 1
    assert "cluster.json-secret is there already" in capsys.readouterr().err
    assert not os.path.exists("cluster.json")
    assert read_secret("cluster.json") == before[1]
    os.chmod("cluster.json-secret", 0o644)
    assert make("--force") == 0
    assert read_secret("cluster.json") != before[1]
    assert read_config("cluster.json").name != before[0].name
    assert S_IMODE(os.stat("cluster.json-secret").st_mode) == 0o600


def test_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert make("-o", "nowhere/cluster.json") == 1
    told = capsys.readouterr().err
    assert told.endswith("nowhere/cluster.json-secret can't be written: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-f", "50"), ("-f", "-1"), ("-f", "x"), ("--port", "0"), ("--port", "65535"), ("--loss", "0.91"),
        ("--loss", "nan"), ("--timeout", "0"), ("--timeout", "x"), ("--timeout", "1", "--election", "0.5"),
    ],
)  # fmt: skip
def test_wrong_options(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert make(*arguments) == 2
    assert "bayou chat config: error: " in capsys.readouterr().err
    assert os.listdir() == []


def edit(**fields: object) -> None:
    plain = json.loads(Path("cluster.json").read_text())
    Path("cluster.json").write_text(json.dumps({**plain, **fields}, indent=1))


GOOD = """\
{
  "cluster": "a",
  "servers": [
    {"id": 0, "host": "127.0.0.1", "port": 7400},
    {"id": 1, "host": "127.0.0.1", "port": 7401},
    {"id": 2, "host": "127.0.0.1", "port": 7402}
  ],
  "loss": 0,
  "timeout_s": 0.2
}
"""

WRONG = [
    ('"loss": 0', '"loss": 1', 8, "loss is a number from 0 to 0.9, not 1"),
    ('"loss": 0', '"loss": true', 8, "loss is a number from 0 to 0.9, not true"),
    ('"loss": 0', '"loss": NaN', 8, "loss is a number from 0 to 0.9, not NaN"),
    ('"loss": 0', '"losses": 0', 8, "'losses' is no field of a configuration; there are cluster, servers,"),
    ('"loss": 0', '"loss": 0,\n"loss": 0.1', 9, "loss is there twice; leave one out"),
    ('"loss": 0', '"window": 0', 8, "window is a whole number from 1 to 1,000,000, not 0"),
    ('"loss": 0', '"snapshot_every": 1.5', 8, "snapshot_every is a whole number from 1"),
    ("0.2", '"0.2"', 9, 'timeout_s is a number from 0.002 to 1000, not "0.2"'),
    ("0.2", "-0.2", 9, "timeout_s is a number from 0.002 to 1000, not -0.2"),
    ("0.2", '0.2, "election_s": 0.19', 9, "election_s, 0.19, is less than two heartbeats of 0.1 s"),
    ("0.2", '0.2,\n"heartbeat_s": 1,\n"election_s": 1.9', 11, "election_s, 1.9, is less than two heartbeats"),
    ('"a"', "7", 2, "cluster is the name that was drawn for it, not 7"),
    ('"a"', '""', 2, 'cluster is the name that was drawn for it, not ""'),
    ('"cluster": "a",\n', "", 1, "a configuration needs a field cluster; add it"),
    ('"id": 1', '"id": 2', 5, "servers come by id, and this is the place of server 1"),
    ('"id": 1, ', "", 5, "a server needs a field id; add it"),
    ("7401", "7400", 5, "server 0 is at this host and port too; give it another port"),
    ("7401", "0", 5, "port is a whole number from 1 to 65,535, not 0"),
    ("7402", "{}", 6, "port is a whole number from 1 to 65,535, not an object"),
    ('0, "host": "127.0.0.1"', '0, "host": ""', 4, "host is the name of a host, or its address in numbers"),
    ('{"id": 2, "host": "127.0.0.1", "port": 7402}', "7", 6, "a server is an object, in braces, not 7"),
    ('"loss": 0,', '"loss": 0', 9, "this is no JSON (Expecting ',' delimiter); mend the line, or the one"),
]


@pytest.mark.parametrize(("old", "new", "line", "why"), WRONG)
def test_a_wrong_field_is_named_with_its_line(old: str, new: str, line: int, why: str) -> None:
    assert GOOD.count(old) >= 1
    Path("c.json").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_config("c.json")
    assert caught.value.lines[0].startswith(f"c.json:{line}: {why}"), caught.value.lines
    assert len(caught.value.lines) == 1


def test_all_that_is_wrong_is_told_by_line() -> None:
    Path("c.json").write_text(
        GOOD.replace("0.2", "0").replace("7401", "x" and '"x"').replace('"loss"', '"l"')
    )
    with pytest.raises(ConfigError) as caught:
        read_config("c.json")
    assert [line.split(":")[1] for line in caught.value.lines] == ["5", "8", "9"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "c.json:1: this is no JSON (Expecting value)"),
        (b"\n\n\xff", "c.json:3: this is no UTF-8; save the file as UTF-8"),
        (b"[]", "c.json:1: a configuration is an object, in braces, not a list"),
        (b"[" * 100_000, "c.json:1: this is no JSON (nested too deep)"),
        (b" " * (1 << 20) + b"{", "c.json: longer than any configuration"),
        (b'{"cluster": "a",\n"servers": []}', "c.json:2: servers is a list, in brackets, of 1 to 99 servers"),
    ],
)
def test_files_that_are_no_configuration(data: bytes, why: str) -> None:
    Path("c.json").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_config("c.json")
    assert caught.value.lines[0].startswith(why)


def test_a_file_that_begins_with_a_mark_is_read() -> None:
    Path("c.json").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(read_config("c.json").servers) == 3


def test_files_that_are_not_there() -> None:
    with pytest.raises(
        ConfigError, match=r"c.json: can't be read: No such file or directory; bayou chat config"
    ):
        read_config("c.json")
    with pytest.raises(
        ConfigError, match=r"c.json-secret: can't be read: .*; copy it from where c.json was made"
    ):
        read_secret("c.json")


@pytest.mark.parametrize("secret", ["", "abc", "zz" * 32, "ab" * 33, "\xe4" * 64])
def test_what_is_no_secret(secret: str) -> None:
    Path("c.json-secret").write_text(secret)
    os.chmod("c.json-secret", 0o600)
    with pytest.raises(ConfigError, match=r"c.json-secret: this is no secret of 64 hex digits; copy it"):
        read_secret("c.json")


def test_a_secret_that_others_can_read() -> None:
    Path("c.json-secret").write_text("ab" * 32)
    os.chmod("c.json-secret", 0o640)
    with pytest.raises(ConfigError, match=r"others can read or change it; chmod 600 c.json-secret"):
        read_secret("c.json")


@pytest.mark.parametrize("verb", ["serve", "client"])
def test_what_uses_a_wrong_one_ends_with_status_2(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    make()
    capsys.readouterr()
    edit(loss=2)
    id = ["--id", "0"] if verb == "serve" else []
    with pytest.raises(SystemExit) as ended:
        main(["chat", verb, "--config", "cluster.json", *id])
    assert ended.value.code == 2
    line = 1 + Path("cluster.json").read_text().split('"loss"')[0].count("\n")
    assert capsys.readouterr().err == f"cluster.json:{line}: loss is a number from 0 to 0.9, not 2\n"


def test_a_server_that_is_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    make()
    for id in ("3", "-1"):
        with pytest.raises(SystemExit) as ended:
            main(["chat", "serve", "--config", "cluster.json", f"--id={id}"])
        assert ended.value.code == 2
        assert f"there is no server {id} in cluster.json: there are 0 to 2" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["config"], ["serve"], ["client"]])
def test_help_answers_everywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["chat", *words, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: bayou chat {' '.join(words)}".rstrip())


def test_no_verb_and_wrong_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat"]) == 2
    assert "usage: bayou chat VERB" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["chat", "sever"])
    assert ended.value.code == 2


# JSON with lines.


def test_parts_know_their_lines() -> None:
    assert parse("7") == Part(7, 1)
    part = parse('\n{"a" : [ 1 ,\n2.5e1], "b":{}, "a":\n"x\\n{y" }\n')
    assert part == Part({"a": Part("x\n{y", 4), "b": Part({}, 3)}, 2, (("a", 3),))
    assert parse("[null,\ttrue ,false\r\n]").value == [Part(None, 1), Part(True, 1), Part(False, 1)]
    with pytest.raises(NoJSON) as caught:
        parse('{"a":\n1,}')
    assert caught.value.line == 2


def test_a_scenario_loads_none_of_this() -> None:
    code = (
        "import sys; from bayou.cli import main; main(['run', '/dev/null'])\n"
        "print([name for name in sys.modules if name.startswith('bayou.cluster')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
