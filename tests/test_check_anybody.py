"""``bayou check --model``: verdicts, statuses, wrong lines, and the page about it."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bayou.check.operations import read_history
from bayou.judging.main import check
from tests.linear_histories import Made, events_of, lines_of

PAGE = Path(__file__).parent.parent / "docs" / "histories.md"
RULE = "each operation takes effect at one moment between its invocation and its end"


def saved(folder: Path, text: str) -> str:
    """Write the history that is this in short into a file, and return its name."""
    file = folder / "history.jsonl"
    file.write_bytes(b"".join(lines_of(events_of(text))))
    return str(file)


def test_the_examples_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They print what stands there, and the table of statuses is right about them."""
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    histories = re.findall(r"^```jsonl\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    sessions = re.findall(r"^```console\n\$ bayou check (.*?)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(histories) == len(sessions) == 2
    for history, (command, shown), status in zip(histories, sessions, (0, 5), strict=True):
        Path(command.split()[-1]).write_text(history)
        assert check(command.split()) == status
        assert capsys.readouterr().out == shown


def test_a_lock_held_by_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(tmp_path, "0>lock@a 1>lock@a 0< 2>lock@b 2< 1<")
    assert check(["--model", "lock", name]) == 5
    assert capsys.readouterr().out == (
        f"invalid linearizable  {RULE} (3 looks)\n"
        '        key "a": line 6: nothing explains these 2 operations:\n'
        "          lines 1 to 3: process 0: lock\n"
        "          lines 2 to 6: process 1: lock\n"
        "          tried: lock (process 0); then the state is held by process 0, "
        "and lock (process 1) needs it free\n"
        "          tried: lock (process 1); then the state is held by process 1, "
        "and lock (process 0) needs it free\n"
        "invalid\n"
    )


def test_a_part_that_begins_later_is_shown_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayou.check.minimal.SMALL", 0)
    name = saved(tmp_path, "0>write:1 0< 0>write:2 1>write:3 0< 1< 2>write:4 2< 2>read 2<3")
    assert check(["--model", "register", name]) == 5
    out = capsys.readouterr().out
    assert "line 10: nothing explains these 2 operations, whatever the 3 others did:" in out
    assert re.search(r"after line \d, where the state is (2 or 3|3 or 2|3)\b", out)


def test_a_long_part_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last operations are shown, and so is the end of an order."""
    monkeypatch.setattr("bayou.judging.anybody.OPERATIONS_SHOWN", 1)
    name = saved(tmp_path, "0>write:3 0< 1>write:4 1< 2>read 2<3")
    assert check(["--model", "register", name]) == 5
    assert capsys.readouterr().out.splitlines()[2:5] == [
        "          lines 5 to 6: process 2: read: 3",
        "          and 2 that began before these",
        "          tried: ..., write 4 (process 1); then the state is 4, and read: 3 (process 2) needs 3",
    ]


def test_several_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three of the wrong ones are listed, and how many more there are is said."""
    words = " ".join(f"{n}>get@k{n} {n}<{n + 1}" for n in range(5))
    assert check(["--model", "kv", saved(tmp_path, words)]) == 5
    out = capsys.readouterr().out
    assert out.count("nothing explains") == 3
    assert "        2 more keys are invalid\n" in out


def test_a_budget_that_runs_out_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(tmp_path, "0>write@:1 1>write:2 2>write:3 0< 1< 2< 3>read 3<1".replace("@", ""))
    assert check(["--model", "register", "--budget", "2", name]) == 6
    out = capsys.readouterr().out
    assert "no verdict within 2 steps: --budget N allows more" in out
    assert out.endswith("unknown\n")
    assert check(["--model", "register", name]) == 0


@pytest.mark.parametrize("text", ["", "0>read", "0>write:1 0?", "0>write:1 0!"])
def test_a_history_without_answers_is_unknown(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(["--model", "register", saved(tmp_path, text)]) == 6
    assert capsys.readouterr().out == f"unknown linearizable  {RULE} (0 looks)\nunknown\n"


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for text, status in (("0>read 0<null", 0), ("0>read 0<1", 5), ("0<1".replace("0<", "0>read 0<"), 5)):
        data = io.BytesIO(b"".join(lines_of(events_of(text))))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
        assert check(["--model", "register", "-"]) == status
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"what\n")))
    assert check(["--model", "register", "-"]) == 2
    assert "bayou check: <stdin>: line 1: no JSON" in capsys.readouterr().err


I, O = '{"process":0,"type":"invoke",', '{"process":0,"type":"ok",'  # noqa: E741
WRONG = [
    ("register", ["{"], 1, "no JSON that can be read: Expecting property name"),
    ("register", ["17"], 1, "no object"),
    ("register", ["[" * 100_000], 1, "nests too deep"),
    ("register", [I + '"f":"write","value":' + "9" * 5000 + "}"], 1, "no JSON that can be read"),
    ("register", [I + '"f":"write","value":1e999}'], 1, "beyond all fractions"),
    ("register", [I + '"f":"write","value":NaN}'], 1, "NaN is no number"),
    ("register", [I + '"f":"write","value":1,"value":2}'], 1, 'the field "value" stands twice'),
    ("register", ['{"type":"invoke","f":"read"}'], 1, 'no "process"'),
    ("register", ['{"process":true,"type":"invoke","f":"read"}'], 1, '"process" is true'),
    ("register", ['{"process":1.0,"type":"invoke","f":"read"}'], 1, '"process" is 1.0'),
    ("register", ['{"process":0,"f":"read"}'], 1, 'no "type": it is one of invoke, ok, fail or info'),
    ("register", ['{"process":0,"type":"okay","f":"read"}'], 1, '"type" is "okay"'),
    ("register", ['{"process":0,"type":["ok"],"f":"read"}'], 1, '"type" is ["ok"]'),
    ("register", ['{"process":0,"type":"invoke"}'], 1, 'no "f": of a register it is one of'),
    ("register", [I + '"f":"get"}'], 1, 'is one of read, write or cas; it belongs to --model kv'),
    ("register", [I + '"f":{}}'], 1, '"f" is {}'),
    ("register", ['{"event":"began","version":2}'], 1, "a trace of bayou is judged without --model"),
    ("register", ["", I + '"f":"read"}', I + '"f":"read"}'], 3, "process 0 has its read of line 2 under way"),
    ("register", [O + '"f":"read","value":1}'], 1, "process 0 has nothing under way: its read needs"),
    ("register", [I + '"f":"read"}', O + '"f":"write"}'], 2, "its read of line 1 under way, and no write"),
    ("register", [I + '"f":"read"}', O + '"f":"read"}'], 2, 'no "value": say what the read returned'),
    ("register", [I + '"f":"read","value":1}'], 1, "a read is asked for without a value"),
    ("register", [I + '"f":"read","key":"x"}'], 1, "a register has no key"),
    ("register", [I + '"f":"write"}'], 1, 'no "value": say what the write is of'),
    ("register", [I + '"f":"write","value":1}', O + '"f":"write","value":2}'], 2, "a write returns nothing"),
    ("register", [I + '"f":"write","value":1}', O + '"f":"write","value":true}'], 2, "returns nothing"),
    ("register", [I + '"f":"cas","value":[1]}'], 1, '"value" is [1]: a cas is asked for with a list of two'),
    ("register", [I + '"f":"cas","value":"12"}'], 1, "a list of two"),
    ("register", [I + '"f":"cas","value":[1,2]}', O + '"f":"cas","value":[1,2]}'], 2, "has true or false"),
    ("register", [I + '"f":"cas","value":[1,2]}', O + '"f":"cas","value":1}'], 2, "has true or false"),
    ("kv", [I + '"f":"get"}'], 1, 'no "key": say which one in a text'),
    ("kv", [I + '"f":"get","key":7}'], 1, '"key" is 7'),
    ("kv", [I + '"f":"get","key":"x"}', O + '"f":"get","key":"y","value":1}'], 2, 'is of key "x"'),
    ("kv", [I + '"f":"put","key":"x","value":null}'], 1, "a put of null"),
    ("kv", [I + '"f":"append","key":"x","value":3}'], 1, "an append is of a text"),
    ("lock", [I + '"f":"lock","key":"x"}', O + '"f":"lock","value":false}'], 2, "else say fail"),
    ("lock", [I + '"f":"unlock","key":"x"}', O + '"f":"unlock"}'], 2, "an ok of unlock has true or false"),
    ("lock", [I + '"f":"lock"}'], 1, 'no "key"'),
]  # fmt: skip


@pytest.mark.parametrize(("model", "lines", "line", "why"), WRONG)
def test_a_wrong_line_is_named(
    model: str, lines: list[str], line: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with what is wrong; nothing else is, and nothing is judged."""
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(lines) + "\n")
    assert check(["--model", model, str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (error,) = told.err.splitlines()
    assert error.startswith(f"bayou check: {file}: line {line}: ")
    assert why in error


def test_bytes_that_are_no_utf8() -> None:
    (problem,) = read_history([b'{"process": \xff}\n'], "register").problems
    assert problem.text.startswith("no JSON that can be read: 'utf-8' codec")


def test_a_process_whose_operation_is_unknown_is_not_used_again() -> None:
    again = [*events_of("0>write:1 0?"), {"process": 0, "type": "invoke", "f": "read"}]
    (problem,) = read_history(lines_of(again), "register").problems
    assert problem.text.startswith("process 0 ended with info in line 2")
    assert "give what goes on after it a new number" in problem.text


def test_a_wrong_line_does_not_make_others_wrong() -> None:
    """The answer to an invocation that was wrong, and what comes after."""
    lines = lines_of(events_of("0>write:1 0< 1>read 1<1"))
    lines[0] = b'{"process": 0, "type": "invoke", "f": "write"}\n'
    assert [problem.line for problem in read_history(lines, "register").problems] == [1]
    lines.append(b'{"process": 0, "type": "ok", "f": "nothing"}\n')
    assert [problem.line for problem in read_history(lines, "register").problems] == [1, 5]
    lines += lines_of(events_of("0>write:1 0<"))
    lines.append(lines[-1])
    assert [problem.line for problem in read_history(lines, "register").problems] == [1, 5, 8]


def test_values_of_any_depth() -> None:
    """Whether there is room for the way in but not for the way out, or for neither."""
    refused = 0
    for depth in range(1, sys.getrecursionlimit() + 20):
        deep = "[" * depth + "]" * depth
        for line in (f'{I}"f":"write","value":{deep}}}', f'{I}"f":{deep}}}'):
            reading = read_history([line.encode()], "register")
            refused += len(reading.problems)
            assert reading.problems or reading.operations
    assert refused > sys.getrecursionlimit()


def test_all_wrong_lines_are_named_up_to_twenty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("what\n" * 25)
    assert check(["--model", "lock", str(file)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 21
    assert errors[-1].endswith("5 more lines are wrong")


def test_what_other_recorders_write_is_read() -> None:
    """Values repeated at ends, other fields, large and negative numbers of processes."""
    lines = [
        b'{"index":0,"time":3,"process":-1,"type":"invoke","f":"write","value":1,"error":null}\r\n',
        b'{"process":-1,"type":"ok","f":"write","value":1}\r\n',
        b'  {"process":9999999999999999999999,"type":"invoke","f":"read","value":null}\n',
        b'{"process":9999999999999999999999,"type":"ok","f":"read","value":1}',
    ]
    reading = read_history(lines, "register")
    assert (reading.problems, reading.answered, len(reading.operations)) == ((), 2, 2)
    failed = lines_of(events_of("0>cas:[1,2] 0! 0>read 0<null"))
    assert len(read_history(failed, "register").operations) == 1


def test_values_are_the_same_where_type_and_content_are() -> None:
    def written(value: str) -> object:
        line = f'{{"process":0,"type":"invoke","f":"write","value":{value}}}'.encode()
        return read_history([line], "register").operations[0].argument

    assert written("0.0") == written("-0.0") == written("0e5")
    assert written('"\\u00e9"') == written('"é"')
    assert written('{"a":1,"b":[2]}') == written('{"b": [2], "a": 1}')
    assert len({written(value) for value in ("1", "1.0", "true", '"1"', "[1]", "null", '"null"')}) == 7


def test_options_that_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(tmp_path, "0>read 0<null")
    for options, why in (
        (["--budget", "5", name], "--budget is for --model"),
        (["--model", "register", "--family", "bayou.families.store", name], "--family is for traces"),
        (["--model", "queue", name], "invalid choice: 'queue'"),
        (["--model", "register", "--budget", "0", name], "'0' is no number from 1"),
        (["--model", "register", "--budget", "many", name], "'many' is no number from 1"),
    ):
        with pytest.raises(SystemExit) as ended:
            check(options)
        assert ended.value.code == 2
        assert why in capsys.readouterr().err
    assert check(["--model", "register", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.endswith("nowhere: No such file or directory\n")
    assert check(["--model", "register", str(tmp_path)]) == 2


@pytest.mark.processes
def test_the_whole_command_on_a_thousand_operations(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    events = Made(random.Random(1), "register", list(range(100)), lost=0.0).make(1000, 10)
    file.write_bytes(b"".join(lines_of(events)))
    done = subprocess.run(
        [sys.executable, "-m", "bayou", "check", "--model", "register", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"valid   linearizable  {RULE} (1,000 looks)", "valid"]
