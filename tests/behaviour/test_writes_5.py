"""General writes 5: their commands in scenarios."""

from __future__ import annotations

import pytest

from tests.behaviour.scenarios import PAIR, complaints, printed, printed_by_processes
from tests.processes import run_master
from tests.simulated import simulate

ONE = "joinServer 0; joinClient 8 0; "
ROOMS = """\
joinServer 0
joinServer 1
joinClient 10 0
joinClient 11 1
pause
write 11 bob set rooms/A/10 bob if absent rooms/A/10 else set rooms/A/11 bob if absent rooms/A/11
rows 11 rooms/
write 10 ann set rooms/A/10 ann if absent rooms/A/10 else set rooms/A/11 ann if absent rooms/A/11
rows 10 rooms/
start
outcome 11 bob
outcome 10 ann
rows 11 rooms/
printLog 1
"""


def value(word: str) -> list[str]:
    """Return how the row is shown that was set to the VALUE which a field stands for."""
    return [
        line.removeprefix("n/k:").removesuffix(":TRUE")
        for line in printed(f"{ONE}write 8 a set n/k {word}; rows 8 n/")
    ]


def is_off(words: str) -> bool:
    """Whether a write of client 8 is skipped with one line, and leaves no trace but that."""
    scenario = f"{ONE}write 8 a {words}; outcome 8 a; rows 8 n/; printLog 0"
    said = complaints(scenario)
    done = simulate(scenario.replace("; ", "\n").encode()).out.decode()
    return len(said) == 1 and said[0].endswith("; skipped") and done == "a:ERR_KEY\nn/:ERR_KEY\n"


# Values.


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("0", "0"),
        ("-7", "-7"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("true", "true"),
        ("false", "false"),
        ('{"b":[1.50,null],"a":-0}', '{"a":0,"b":[1.5,null]}'),
        ("[]", "[]"),
    ],
)
def test_writes5_a_value_that_is_no_text(word: str, shown: str) -> None:
    """A field that is a whole number, true, false or JSON stands for that, shown in canonical form."""
    assert value(word) == [shown]


@pytest.mark.parametrize(
    "word", ["a", "07", "-0", "+1", "1.5", "1e3", "-", "True", "null", "a:b", 'a"b', "and", "(1)", "\u0663"]
)
def test_writes5_all_else_is_a_text_as_it_stands(word: str) -> None:
    """Any other field is a text, and is shown as it is."""
    assert value(word) == [word]
    assert value(f'"{word}"' if '"' not in word else r'"a\"b"') == [word]


@pytest.mark.parametrize(
    "text",
    [
        '"7"',
        '"-7"',
        '"true"',
        '"false"',
        '"[]"',
        '"{"',
        '"\\"a\\""',
        '""',
        '"99999999999999999999"',
        '"\\u0001"',
        '"a\\tb"',
    ],
)
def test_writes5_a_text_that_would_be_read_otherwise_is_quoted(text: str) -> None:
    """A text is shown in canonical form where VALUE would read it otherwise, or where it holds a control
    character."""
    assert value(text) == [text]


def test_writes5_a_blank_within_json_is_escaped() -> None:
    """Within JSON a blank is written as an escape, since blanks divide fields."""
    assert value(r'"a\u0020b"') == ['"a b"']
    assert is_off('set n/k "a b"')


@pytest.mark.parametrize(
    "word",
    [
        "9223372036854775808",
        "-9223372036854775809",
        '{"a":',
        '"',
        "[1",
        "[NaN]",
        "[1e999]",
        '{"a":1,"a":1}',
        "[9223372036854775808]",
    ],
)
def test_writes5_what_is_no_value_is_off(word: str) -> None:
    """A number beyond 64 bits, and what begins like JSON but is none, make the line off."""
    assert is_off(f"set n/k {word}")
    assert is_off(f"nothing if is n/k {word}")


def test_writes5_in_the_playlist_a_value_is_the_text_as_it_stands() -> None:
    """Songs have texts, whatever a field looks like, and conditions on them ask for texts."""
    scenario = f'{ONE}write 8 a set playlist/a 7 and set playlist/b "x"; rows 8 playlist/; get 8 b; '
    words = 'if is playlist/a 7 and some playlist/ where . = "x" and meets playlist/a where . < 8'
    assert printed(f"{scenario}write 8 b nothing {words}; outcome 8 b") == [
        "playlist/a:7:TRUE",
        'playlist/b:"x":TRUE',
        'b:"x"',
        "b:applied:TRUE",
    ]
    for words in ("add playlist/a 1", "insert playlist/a x", "remove playlist/a x"):
        assert is_off(words)


# write


@pytest.mark.processes
def test_writes5_the_meeting_rooms_print_what_they_should() -> None:
    """A reservation that finds its hour taken moves to the next one, the same in both worlds."""
    expected = (
        "rooms/A/10:bob:FALSE\nrooms/A/10:ann:TRUE\nbob:merged 1:TRUE\n"
        "ann:applied:TRUE\nrooms/A/10:ann:TRUE\n"
        "rooms/A/11:bob:TRUE\nWRITE:(ann, applied):TRUE\nWRITE:(bob, merged 1):TRUE\n"
    )
    assert simulate(ROOMS.encode(), check=True).out.decode() == run_master(ROOMS).stdout.decode() == expected


def test_writes5_words_are_divided_by_ascii_blanks_and_read_from_the_left() -> None:
    """Any number of blanks and tabs stand between words, and where a value is due "and" is one."""
    assert printed(f"{ONE}write  8\ta \t set\tn/k  and   and set n/l if  if\tabsent n/m; rows 8 n/") == [
        "n/k:and:TRUE",
        "n/l:if:TRUE",
    ]
    assert value("a\u00a0b") == ["a\u00a0b"]


@pytest.mark.parametrize(
    "words",
    [
        "put n/k 1",
        "set n/k",
        "set nk 1",
        "set N/k 1",
        "set /k 1",
        "set n/k 1 2",
        "set n/k 1 and",
        "set n/k 1 if",
        "set n/k 1 else",
        "set n/k 1 or set n/l 1",
        "set n/k 1 if absent n/k if absent n/l",
        "set n/k 1 if absent n/k else",
        "if absent n/k",
        "nothing and set n/k 1",
        "set n/k 1 and nothing",
        "new n/k",
        "del n/k 1",
        "add n/k x",
        "add n/k 01",
        'add n/k "1"',
        "insert n/k",
        "nothing if exists n/k",
        "nothing if absent nk",
        "nothing if meets n/k where a",
        "nothing if none n/ where a == 1",
        "nothing if none n/ where a =",
        "nothing if none n/ where a = {}",
        "nothing if none n/ a = 1",
        "nothing if none n",
        "nothing if atmost n/",
        "nothing if atmost -1 n/",
        "nothing if atleast x n/",
        "nothing if present !conflicts/k",
        "set !conflicts/k x",
        "set !grants/k x",
    ],
)
def test_writes5_a_write_that_is_off(words: str) -> None:
    """A word that is none of the language's, a ROW without /, and a word too many make a write off, and its
    name stays free."""
    assert is_off(words)


def test_writes5_a_name_is_used_once() -> None:
    """A name stands for one accepted write of the scenario, at whatever server."""
    scenario = f"{PAIR}pause; write 8 a set n/k 1; write 9 a set n/k 2; rows 9 n/"
    (said,) = complaints(scenario)
    assert "a write by the name of a has been accepted before" in said


def test_writes5_a_write_that_is_dropped_leaves_its_name_free() -> None:
    """A dropped write is nowhere, its line is not off, and it can be made again by its name."""
    scenario = (
        f"{PAIR}pause; write 8 a set n/k 1; restoreConnection 8 1; write 8 b set n/k 2; "
        "start; outcome 8 b; write 8 b set n/k 3; outcome 8 b; rows 8 n/"
    )
    assert printed(scenario) == ["b:ERR_KEY", "b:applied:TRUE", "n/k:3:TRUE"]


# rows, outcome, conflicts, resolve, printLog


def test_writes5_rows_prints_a_line_for_each_row_or_that_there_is_none() -> None:
    """Rows are shown under the prefix as it was given, or that prefix with ERR_KEY."""
    scenario = f"{PAIR}write 8 a set n/b 1 and set n/a x; pause; write 9 b set n/b 2; "
    assert printed(f"{scenario}rows 9 n/; rows 9 n/b committed; rows 9 n/c; rows 9 m/ committed") == [
        "n/a:x:TRUE",
        "n/b:2:FALSE",
        "n/b:1:TRUE",
        "n/c:ERR_KEY",
        "m/:ERR_KEY",
    ]


def test_writes5_many_rows_come_in_pages() -> None:
    """There may be more rows than one answer holds."""
    writes = "; ".join(
        f"write 8 w{start} " + " and ".join(f"set n/{key:05} {key}" for key in range(start, start + 200))
        for start in range(0, 2200, 200)
    )
    assert printed(f"{ONE}{writes}; rows 8 n/") == [f"n/{key:05}:{key}:TRUE" for key in range(2200)]


@pytest.mark.parametrize(
    "line",
    [
        "rows 8 n",
        "rows 8 N/",
        "rows 8 !grants/",
        "rows 8 n/ tentative",
        "rows 9 n/",
        "rows 8",
        "outcome 8",
        "outcome 9 a",
        "conflicts 8 all",
        "conflicts 9",
        "resolve 8",
        "resolve 8 nobody",
        "write 9 a nothing",
        "write 0 a nothing",
        "write 8 a",
    ],
)
def test_writes5_a_line_that_is_off_prints_nothing(line: str) -> None:
    """A prefix or view that can't be, a client that is none and a field too few make the line off."""
    assert len(complaints(f"{ONE}{line}")) == 1
    assert simulate(f"{ONE}{line}".replace("; ", "\n").encode()).out == b""


@pytest.mark.parametrize(
    "line", ["rows 8 n/ committed more", "outcome 8 a more", "conflicts 8 committed more"]
)
def test_writes5_extra_fields_of_the_others_are_ignored(line: str) -> None:
    """Where extra fields are not part of what is written they are ignored, with a line that says so."""
    short = line.removesuffix(" more")
    assert len(complaints(ONE + line)) == 1
    long, expected = (simulate(f"{ONE}{each}".replace("; ", "\n").encode()).out for each in (line, short))
    assert long == expected


@pytest.mark.processes
def test_writes5_outcomes_are_told_in_words() -> None:
    """An outcome is applied, merged N or conflict, or ERR_KEY where the server has no such write, and in
    printLog it stands in its place among puts and deletes, the same in both worlds."""
    scenario = (
        f"{PAIR}pause; put 9 s u; write 9 a set n/k 1; write 9 b set n/k 2 if absent n/k else nothing; "
        "write 9 c nothing if absent n/k; delete 9 s; outcome 9 a; outcome 9 b; outcome 9 c; outcome 9 d; "
        "outcome 8 a; printLog 1; start; outcome 8 b"
    )
    expected = [
        "a:applied:FALSE",
        "b:merged 1:FALSE",
        "c:conflict:FALSE",
        "d:ERR_KEY",
        "a:ERR_KEY",
        "PUT:(s, u):FALSE",
        "WRITE:(a, applied):FALSE",
        "WRITE:(b, merged 1):FALSE",
        "WRITE:(c, conflict):FALSE",
        "DELETE:(s):FALSE",
        "b:merged 1:TRUE",
    ]
    assert printed(scenario) == printed_by_processes(scenario) == expected


def test_writes5_conflicts_are_printed_in_the_order_of_their_keys() -> None:
    """Conflicts are told in accept order, with their marks, and nothing where there is none."""
    scenario = (
        f"{PAIR}write 8 a nothing if present n/k; pause; write 9 c nothing if present n/k; "
        "write 8 b nothing if present n/k; conflicts 9; conflicts 9 committed; start; conflicts 9"
    )
    assert printed(scenario) == [
        "CONFLICT:(a):TRUE",
        "CONFLICT:(c):FALSE",
        "CONFLICT:(a):TRUE",
        "CONFLICT:(a):TRUE",
        "CONFLICT:(b):TRUE",
        "CONFLICT:(c):TRUE",
    ]


def test_writes5_resolve_deletes_a_conflict_by_a_write_of_its_own() -> None:
    """A resolve is the write resolve-NAME, which deletes that conflict."""
    scenario = (
        f"{PAIR}write 8 a nothing if present n/k; resolve 9 a; conflicts 8; outcome 8 resolve-a; printLog 0"
    )
    assert printed(scenario) == [
        "resolve-a:applied:TRUE",
        "WRITE:(a, conflict):TRUE",
        "WRITE:(resolve-a, applied):TRUE",
    ]


def test_writes5_a_conflict_is_resolved_once() -> None:
    """Once a resolve has been accepted a second one is off, at any server, whether that has heard of it or
    not."""
    scenario = f"{PAIR}write 8 a nothing if present n/k; pause; resolve 8 a; "
    for again in ("resolve 8 a", "resolve 9 a"):
        (said,) = complaints(scenario + again)
        assert "has been resolved before" in said


def test_writes5_what_is_no_conflict_at_that_server_can_not_be_resolved() -> None:
    """Only what is a conflict at the client's server can be resolved there."""
    scenario = f"{PAIR}pause; write 9 a nothing if present n/k; write 9 b nothing; "
    for line in ("resolve 9 b", "resolve 8 a", "resolve 9 nobody"):
        (said,) = complaints(scenario + line)
        assert "is no conflict at server" in said


def test_writes5_a_name_too_long_to_be_resolved() -> None:
    """The name of a resolve has its eight characters more, so that one beyond 56 can't be resolved by it."""
    for length, count in ((56, 0), (57, 1)):
        scenario = f"{ONE}write 8 {'n' * length} nothing if present n/k; resolve 8 {'n' * length}"
        assert len(complaints(scenario)) == count


def test_writes5_songs_are_as_they_were() -> None:
    """The commands put, get and delete see what general writes do to the playlist, and print as before."""
    scenario = (
        f"{ONE}put 8 a b; write 8 w set playlist/a c if is playlist/a b; get 8 a; delete 8 a; get 8 a; "
        "printLog 0"
    )
    assert printed(scenario) == [
        "a:c",
        "a:ERR_KEY",
        "PUT:(a, b):TRUE",
        "WRITE:(w, applied):TRUE",
        "DELETE:(a):TRUE",
    ]
