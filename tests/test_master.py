"""The master: options, error lines, exit statuses, what goes where."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bayou._quoting import shorten
from bayou.core.rows import KEY_BYTES_MAX, TEXT_BYTES_MAX
from bayou.families import find
from bayou.families.overview import owned_commands
from bayou.families.vocabulary import all_commands, find_command
from bayou.master.language import COMMANDS
from bayou.master.run import Run, StrictStop
from bayou.node.session import Guarantees, parse_guarantees
from bayou.script import console
from bayou.script.console import read_lines
from bayou.script.grammar import BadLine, Line, parse, parse_id, split
from bayou.worlds.simulated import SimulatedWorld
from tests.processes import run_master
from tests.simulated import simulate

SMALL = "joinServer 0\njoinClient 1 0\nput 1 a b\nget 1 a\nprintLog 0\n"
SMALL_OUT = b"a:b\nPUT:(a, b):TRUE\n"


def parsed(line: bytes) -> Line:
    """Return a line understood as the first command of a scenario is; BadLine where it is none."""
    words = split(line)
    command, _ = find_command(words, COMMANDS, None)
    return parse(line, words, command)


# Lines.


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("playSong 1", "unknown command 'playSong'"),
        ("put 1 a", "too few fields: the command is put clientId song URL"),
        ("joinServer", "too few fields: the command is joinServer id"),
        ("joinServer x", "'x' is no integer"),
        ("joinServer 1.0", "'1.0' is no integer"),
        ("joinServer +1", "'+1' is no integer"),
        ("joinServer \u0663", "'\u0663' is no integer"),
        ("joinServer -", "'-' is no integer"),
        ("joinServer 0", "the id 0 is in use, by a server"),
        ("joinServer 1", "the id 1 is in use, by a client"),
        ("joinClient 0 0", "the id 0 is in use, by a server"),
        ("joinClient 7 1", "1 is a client, and serverId has to be the id of a server"),
        ("joinClient 7 8", "nobody has the id 8 now"),
        ("get 0 a", "0 is a server, and clientId has to be the id of a client"),
        ("get 9 a", "nobody has the id 9 now"),
        ("printLog 1", "1 is a client"),
        ("retireServer 0", "no other server is connected to 0"),
        ("breakConnection 0 0", "a connection has two ends"),
        ("breakConnection 1 2", "1 and 2 are both clients"),
        ("restoreConnection 2 1", "2 and 1 are both clients"),
        ("get 2 a", "client 2 has no server"),
        ("put 2 a b", "client 2 has no server"),
        ("delete 2 a", "client 2 has no server"),
        ("joinServer " + "9" * 5000, "an id of 5000 digits"),
    ],
)
def test_a_line_that_is_off_is_skipped_with_a_line_that_says_why(line: str, why: str) -> None:
    before = "joinServer 0\njoinClient 1 0\njoinClient 2 0\nbreakConnection 2 0\nput 1 a b\n"
    done = simulate(f"{before}{line}\nget 1 a\nprintLog 0\n".encode())
    assert done.out == SMALL_OUT
    assert len(done.errors) == 1
    assert done.errors[0].startswith(f"<stdin>:6: {shorten(line)}: ")
    assert why in done.errors[0]
    assert done.errors[0].endswith("; skipped")


def test_extra_fields_are_ignored_with_a_line_that_says_so() -> None:
    done = simulate(b"joinServer 0 1 2\njoinClient 1 0\nput 1 a b c\nget 1 a\nprintLog 0\n")
    assert done.out == SMALL_OUT
    assert done.errors == [
        "<stdin>:1: joinServer 0 1 2: ignoring what follows the last field, '1 2': usage is joinServer id",
        "<stdin>:3: put 1 a b c: ignoring what follows the last field, 'c': usage is put clientId song URL",
    ]


@pytest.mark.parametrize("off", [b"joinServer 0 surplus", b"nonsense", b"get 5 a"])
def test_strict_stops_at_the_first_line_that_is_off(off: bytes) -> None:
    with pytest.raises(StrictStop):
        simulate(b"joinServer 1\n" + off, strict=True)
    done = run_master(b"joinServer 1\njoinClient 2 1\n" + off + b"\nget 2 a\n", "--strict", "--world", "sim")
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"<stdin>:3: " + off)


@pytest.mark.parametrize(
    "fine",
    [
        b"", b"   ", b"\t", b"# put", b"//put", b"   # indented", b"#",
        b"breakConnection 0 1\nbreakConnection 0 1", b"restoreConnection 0 1", b"restoreConnection 2 0",
        b"pause\nstabilize\npause\nstart\nstart", b"printLog 0\r", b"  printLog\t0  ", b"breakConnection 2 1",
    ],
)  # fmt: skip
def test_what_is_no_error_passes_even_strict(fine: bytes) -> None:
    done = simulate(b"joinServer 0\njoinServer 1\njoinClient 2 0\n" + fine, strict=True)
    assert done.errors == []


def test_a_dropped_write_is_silent_unless_verbose() -> None:
    scenario = (
        b"joinServer 0\njoinServer 1\njoinClient 2 0\npause\nput 2 a 1\nrestoreConnection 2 1\nput 2 b 2\n"
    )
    assert simulate(scenario).errors == []
    assert simulate(scenario).out == b""
    done = run_master(scenario, "--verbose", "--world", "sim")
    assert b"<stdin>:7: dropped: server 1 can't keep the session's guarantees\n" in done.stderr


def test_ids_are_numbers_not_texts() -> None:
    assert (parse_id("007"), parse_id("-0"), parse_id("-12")) == (7, 0, -12)
    done = simulate(b"joinServer 007\njoinClient -3 7\nput -03 a b\nget -3 a\nprintLog 0007\n")
    assert done.out == SMALL_OUT


def test_only_ascii_blanks_separate_fields() -> None:
    """A no-break space belongs to a song; so does every other character that only looks like a blank."""
    line = parsed("put 1 a\u00a0b \u3000\x1c".encode())
    assert line.fields == ("1", "a\u00a0b", "\u3000\x1c")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"put 1 a " + b"u" * (TEXT_BYTES_MAX + 1), "a URL of 1048577 bytes; 1048576 are the limit"),
        (b"put 1 " + b"s" * (KEY_BYTES_MAX + 1) + b" u", "a song of 1025 bytes; 1024 are the limit"),
        (b"delete 1 " + "é".encode() * 513, "a song of 1026 bytes; 1024 are the limit"),
        (b"get 1 " + b"\xff" * (KEY_BYTES_MAX + 1), "a song of 1025 bytes; 1024 are the limit"),
    ],
    ids=["URL", "song", "delete", "odd bytes"],
)
def test_what_is_longer_than_servers_accept_is_a_line_that_is_off(line: bytes, told: str) -> None:
    done = simulate(b"joinServer 0\njoinClient 1 0\n" + line + b"\nget 1 a")
    assert done.out == b"a:ERR_KEY\n"
    assert told in done.errors[0]
    assert len(done.errors[0]) < 300, "the line is not quoted in full"


@pytest.mark.processes
@pytest.mark.parametrize(
    "letter",
    [b"u", b"\xff", "\U0001f600".encode(), b'"', b"\x01"],
    ids=["u", "odd", "wide", "quoted", "escaped"],
)
def test_a_song_and_a_url_as_long_as_can_be(letter: bytes) -> None:
    song, url = letter * (KEY_BYTES_MAX // len(letter)), letter * (TEXT_BYTES_MAX // len(letter))
    done = run_master(
        b"joinServer 0\njoinServer 2\njoinClient 1 2\nput 1 %b %b\nget 1 %b\nprintLog 0\n" % (song, url, song)
    )
    assert done.stdout == song + b":" + url + b"\nPUT:(" + song + b", " + url + b"):TRUE\n"
    assert done.stderr == b""


def lines_through_a_pipe(data: bytes) -> list[tuple[int, bytes | None]]:
    reader, writer = os.pipe()
    try:
        with open(writer, "wb") as end:
            end.write(data)
        return list(read_lines(reader))
    finally:
        os.close(reader)


@pytest.mark.parametrize("size", [1, 2, 3, 65536])
def test_lines_come_out_whole_however_they_are_read(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "READ_BYTES", size)
    assert lines_through_a_pipe(b"\xef\xbb\xbfab\n\ncd\r\nlast") == [
        (1, b"ab"),
        (2, b""),
        (3, b"cd\r"),
        (4, b"last"),
    ]
    assert lines_through_a_pipe(b"") == []
    assert lines_through_a_pipe(b"\n") == [(1, b"")]


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_BYTES_MAX", 10)
    monkeypatch.setattr(console, "READ_BYTES", 4)
    assert lines_through_a_pipe(b"ok\n" + b"x" * 1000 + b"\nfine\n" + b"y" * 50) == [
        (1, b"ok"),
        (2, None),
        (3, b"fine"),
        (4, None),
    ]


def test_a_line_too_long_to_be_read_is_skipped() -> None:
    errors: list[str] = []
    run = Run(SimulatedWorld(), COMMANDS, write=lambda _: None, complain=errors.append)
    run.line(3, None)
    assert errors == ["<stdin>:3: : a line of more than 67108864 bytes; skipped"]


def test_an_error_line_is_one_line_whatever_the_command_holds() -> None:
    done = run_master(
        b"joinServer 0\nplay \x1b[31m\x00\xff\x0b\xe2\x80\xa8" + b"x" * 500 + b"\n", "--world", "sim"
    )
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr
    assert b"\x00" not in done.stderr
    assert len(done.stderr) < 700


# Options.


@pytest.mark.processes
def test_a_file_or_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "small.test"
    path.write_text(SMALL + "nonsense")
    for done in (
        run_master("", str(path)),
        run_master(SMALL + "nonsense", "-"),
        run_master(SMALL + "nonsense"),
    ):
        assert (done.returncode, done.stdout) == (0, SMALL_OUT)
        assert done.stderr.split(b":")[0] in (str(path).encode(), b"<stdin>")


@pytest.mark.parametrize("path", ["/nowhere/to/be.found", "/"])
def test_a_file_that_cannot_be_read(path: str) -> None:
    done = run_master("", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(f"{path}: can't be read: ".encode())


@pytest.mark.parametrize("arguments", [("--help",), ("-h",)])
def test_help_answers(arguments: tuple[str, ...]) -> None:
    done = run_master("", *arguments)
    assert done.returncode == 0
    words = ("--strict", "--deadline", "--guarantees", "--verbose", "--world", "exit status")
    for word in (*words, *all_commands(COMMANDS)):
        assert word.encode() in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--deadline", "soon"), "'soon' is no number of seconds above 0"),
        (("--deadline", "0"), "'0' is no number of seconds above 0"),
        (("--deadline", "nan"), "'nan' is no number of seconds above 0"),
        (("--guarantees", "RYW,XYZ"), "'XYZ' is no guarantee: choose from RYW,MR,WFR,MW, or all, or none"),
        (("--world", "mars"), "invalid choice: 'mars'"),
        (("one", "two"), "unrecognized arguments: two"),
    ],
)
def test_wrong_options(arguments: tuple[str, ...], why: str) -> None:
    done = run_master("", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert why.encode() in done.stderr


def test_guarantees_are_read_as_one_writes_them() -> None:
    assert parse_guarantees("all") == Guarantees()
    assert parse_guarantees("none") == parse_guarantees("") == Guarantees(*[False] * 4)
    assert parse_guarantees("ryw, mr") == Guarantees(
        read_your_writes=True, monotonic_reads=True, writes_follow_reads=False, monotonic_writes=False
    )
    with pytest.raises(ValueError, match="'ALL' is no guarantee"):
        parse_guarantees("RYW,all")


@pytest.mark.processes
@pytest.mark.parametrize("world", ["processes", "sim"])
def test_guarantees_of_a_run(world: str) -> None:
    moved = "joinServer 0\njoinServer 1\njoinClient 2 0\npause\nput 2 a 1\nrestoreConnection 2 1\nget 2 a\n"
    assert run_master(moved, "--world", world).stdout == b"a:ERR_DEP\n"
    assert run_master(moved, "--world", world, "--guarantees", "RYW").stdout == b"a:ERR_DEP\n"
    assert run_master(moved, "--world", world, "--guarantees", "MR,WFR,MW").stdout == b"a:ERR_KEY\n"


@pytest.mark.processes
@pytest.mark.parametrize("world", ["processes", "sim"])
def test_verbose_tells_of_each_command_and_each_exchange(world: str) -> None:
    text = "joinServer 0\njoinServer 1\njoinClient 2 1\nput 2 a b\nget 2 a\n"
    done = run_master(text, "--verbose", "--world", world)
    assert done.stdout == b"a:b\n"
    said = done.stderr.decode().splitlines()
    for number, line in enumerate(text.splitlines(), start=1):
        assert f"<stdin>:{number}: {line}" in said
    assert "server 0: exchange round from 1 items 1 new 1" in said
    assert all(line.startswith(("<stdin>:", "server ")) for line in said)


def test_a_simulated_hang_ends_at_the_deadline_without_waiting() -> None:
    """Virtual time: thirty seconds pass at once."""
    errors: list[str] = []
    world = SimulatedWorld()
    run = Run(world, COMMANDS, write=lambda _: None, complain=errors.append)
    for number, line in enumerate((b"joinServer 0", b"joinServer 1", b"joinClient 2 1"), start=1):
        run.line(number, line)
    world.nodes.pop(1)
    from bayou.worlds.world import DeadlineExceeded

    with pytest.raises(DeadlineExceeded, match="client 2 waits for server 1 to answer"):
        run.line(4, b"get 2 a")


def test_parsing_leaves_what_is_no_command() -> None:
    assert split(b"  # comment") == split(b"\t// another") == split(b" \t ") == []
    with pytest.raises(BadLine, match="there are joinServer, retireServer"):
        parsed(b"unknown")


def test_every_command_documents_itself() -> None:
    owned = owned_commands(COMMANDS)
    assert {owners for owners, _ in owned} >= {(), ("store",), ("chat",), ("locks",)}
    for owners, command in owned:
        assert command.does
        for family in map(find, owners or ("store",)):
            example = command.example.encode()
            assert find_command(split(example), COMMANDS, family)[0].usage == command.usage
            line = parse(example, split(example), command)
            assert line.extra == ()


# The bayou command.


def bayou(*arguments: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from bayou.cli import main; sys.exit(main())", *arguments],
        input=text.encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.processes
def test_the_bayou_command(tmp_path: Path) -> None:
    path = tmp_path / "small.test"
    path.write_text(SMALL)
    for verb in ("run", "sim"):
        assert bayou(verb, str(path)).stdout == SMALL_OUT
        assert bayou(verb, text=SMALL).stdout == SMALL_OUT
        assert f"usage: bayou {verb}" in bayou(verb, "--help").stdout.decode()
    assert bayou("--version").stdout == b"bayou 0.1.0\n"
    assert b"run a scenario on real processes" in bayou("--help").stdout
    assert bayou().returncode == 2
    assert b"invalid choice: 'walk'" in bayou("walk").stderr
    assert b"there are no tests here" in subprocess.run(
        [sys.executable, "-c", "import sys; from bayou.cli import main; sys.exit(main())", "test"],
        capture_output=True, check=False, cwd=tmp_path,
    ).stderr  # fmt: skip


# Streams that are odd.


@pytest.mark.processes
def test_standard_input_that_does_not_block() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with subprocess.Popen(
        [sys.executable, "-m", "bayou.master", "--world", "sim"], stdin=reader, stdout=subprocess.PIPE
    ) as process:
        os.close(reader)
        os.write(writer, b"joinServer 0\njoinClient 1 0\nget 1 a\n")
        assert process.stdout is not None
        assert process.stdout.readline() == b"a:ERR_KEY\n"
        os.close(writer)
        assert process.wait(20) == 0


@pytest.mark.processes
def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bayou.master", "--world", "sim"], stdout=full, stderr=subprocess.PIPE,
            input=b"joinServer 0\njoinClient 1 0\nget 1 a\n", check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"<stdin>:3: [Errno 28] No space left on device" in done.stderr


SAYS_WHEN_IT_BEGINS = """
from bayou._lean import quiet_interrupts
quiet_interrupts()
print("x", flush=True)
from bayou.master.main import main
main([])
"""


@pytest.mark.processes
def test_signals_at_any_moment_end_the_run_in_good_order() -> None:
    """From before the first line of ours on: no traceback, and the status of the signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        for delay_ms in range(0, 60, 3):
            with subprocess.Popen(
                [sys.executable, "-c", SAYS_WHEN_IT_BEGINS],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            ) as process:  # fmt: skip
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(b"joinServer 0\njoinServer 1\njoinClient 2 0\n")
                process.stdin.flush()
                assert process.stdout.readline() == b"x\n"
                time.sleep(delay_ms / 1000)  # not for something to happen: to hit it in the middle of things
                process.send_signal(number)
                _, said = process.communicate(timeout=20)
                assert (process.returncode, said) == (-number, b"")


# What a scenario expects of itself, and of what it includes.


def told(scenario: str, **options: Any) -> list[str]:
    return simulate(scenario.encode(), **options).errors


START_OF_ALL = "joinServer 0\njoinClient 1 0\nput 1 a b\n"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("get 1 a\nexpect a:b", None),
        ("get 1 a\n\n# a comment\n  expect   a:b  ", None),
        ("put 1 c d\nexpect", None),
        ("put 1 c d\nprintLog 0\nexpect PUT:(a, b):TRUE\nexpect PUT:(c, d):TRUE\nexpect", None),
        ("get 1 a", None),
        ("get 1 a\nexpect a:c", "<stdin>:5: expected 'a:c', but <stdin>:4, get 1 a, printed 'a:b'"),
        ("get 1 a\nexpect", "<stdin>:5: expected '', but <stdin>:4, get 1 a, printed 'a:b'"),
        (
            "put 1 c d\nexpect c:d",
            "<stdin>:5: expected 'c:d', but <stdin>:4, put 1 c d, printed nothing more",
        ),
        (
            "get 1 a\nexpect a:b\nexpect a:b",
            "<stdin>:6: expected 'a:b', but <stdin>:4, get 1 a, printed nothing",
        ),
        (
            "put 1 c d\nprintLog 0\nexpect PUT:(a, b):TRUE\nget 1 a",
            "<stdin>:7: <stdin>:5, printLog 0, printed a line more than was expected, first",
        ),
        (
            "get 1 a\ngot 1 a\nexpect a:b",
            "<stdin>:6: expected 'a:b', but <stdin>:5, which was skipped, printed",
        ),
    ],
)
def test_expect_compares_in_place(lines: str, why: str | None) -> None:
    """Each expect takes the next line of what the command before printed."""
    said = [line for line in told(START_OF_ALL + lines) if "unknown command" not in line]
    if why is None:
        assert said == []
    else:
        assert len(said) == 1
        assert said[0].startswith(why)


@pytest.mark.processes
def test_an_expectation_not_met_shows_in_the_exit_status() -> None:
    text = START_OF_ALL + "get 1 a\nexpect a:c\nget 1 a\nexpect a:b\n"
    done = run_master(text, "--world", "sim")
    assert (done.returncode, done.stdout) == (4, b"a:b\na:b\n")
    done = run_master(text, "--world", "sim", "--strict")
    assert (done.returncode, done.stdout) == (4, b"a:b\n")
    late = START_OF_ALL + "put 1 c d\nprintLog 0\nexpect PUT:(a, b):TRUE\n"
    assert run_master(late, "--world", "sim").returncode == 4


@pytest.mark.processes
def test_include(tmp_path: Path) -> None:
    """Relative to the file that includes; messages name the file they are about."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "main.test").write_text("include deep/one.inc\nget 9 a\n")
    (tmp_path / "deep" / "one.inc").write_text("joinServer 0\ninclude two.inc\nput 9 a b\n")
    (tmp_path / "deep" / "two.inc").write_text("joinClient 9 0\njoinClient 9 0\n")
    done = run_master("", "--world", "sim", str(tmp_path / "main.test"))
    assert done.stdout == b"a:b\n"
    inner = f"{tmp_path}/deep/two.inc:2: joinClient 9 0: the id 9 is in use".encode()
    assert inner in done.stderr


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("include", "too few fields: the command is include FILE"),
        ("include /nowhere/at all.inc", "/nowhere/at all.inc can't be read: No such file"),
        ("include /", "/ is a directory"),
    ],
)
def test_includes_that_are_off(line: str, why: str) -> None:
    (said,) = told(line)
    assert said.startswith(f"<stdin>:1: {line}: {why}")


@pytest.mark.processes
def test_files_that_include_each_other(tmp_path: Path) -> None:
    for at in range(20):
        (tmp_path / f"{at}.inc").write_text(f"include {at + 1}.inc\n")
    (tmp_path / "loop.inc").write_text("joinServer 0\ninclude loop.inc\njoinServer 1\n")
    deep = run_master("", "--world", "sim", str(tmp_path / "0.inc"))
    assert b"16.inc:1: include 17.inc: files are included 16 deep, and that is the limit" in deep.stderr
    loop = run_master("", "--world", "sim", str(tmp_path / "loop.inc"))
    assert b"loop.inc:2: include loop.inc:" in loop.stderr
    assert b"includes itself" in loop.stderr
    assert loop.returncode == 0


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("putt 1 a b", "did you mean put?"),
        ("joinserver 3", "did you mean joinServer?"),
        ("printlogs 3", "did you mean printLog or printLocks?"),
        ("stabilise", "did you mean stabilize?"),
        ("frobnicate", "there are joinServer, retireServer,"),
        ("x" * 100_000, "there are joinServer"),
    ],
)
def test_did_you_mean(line: str, hint: str) -> None:
    assert hint in told(line)[0]
