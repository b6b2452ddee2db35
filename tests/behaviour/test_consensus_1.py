"""Consensus, section 1: families of scenarios, their lines and their limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.behaviour.consensus import WORLDS, Typed, printed, run_in, run_in_both

BITS_63 = 2**63 - 1
SKIPPED = "; skipped"


# Which family a file is of.


@pytest.mark.processes
def test_consensus1_start_with_two_fields_begins_a_chat() -> None:
    """A scenario whose first command is start with two fields is a chat, and one with startLocks a lock
    service."""
    assert printed("start 1 1; sendMessage 0 hi; printChatLog 0") == ["0 0: hi"]
    assert printed("startLocks 1 1; lock 0 7; printLocks") == ["7: 0"]


@pytest.mark.processes
def test_consensus1_what_belongs_to_all_tells_no_family() -> None:
    """Neither a comment, nor an unknown word, nor what belongs to all families tells the family."""
    done = run_in_both(
        "# start; // put; ; zip 1 2; expect; wait 1; start 1 1; sendMessage 0 a; printChatLog 0"
    )
    assert (done.printed, done.lines) == (["0 0: a"], [4])


@pytest.mark.processes
@pytest.mark.parametrize("first", ["start", "start 3", "joinServer 0", "crashServer 0", "sendMessage 0 a"])
def test_consensus1_any_other_first_command_begins_a_store(first: str) -> None:
    """With any other first command a scenario is one of the store, where start stays the store's, whatever
    fields follow it."""
    done = run_in_both(f"{first}; start 3 1; sendMessage 0 a; joinServer 7; joinClient 8 7; get 8 a")
    assert done.printed == ["a:ERR_KEY"]
    assert [line for line in done.said if "start 3 1" in line] == [
        "<stdin>:2: start 3 1: ignoring what follows the last field, '3 1': usage is start"
    ]
    assert done.lines[-1] == 3


@pytest.mark.processes
def test_consensus1_a_wrong_start_starts_nothing() -> None:
    """A start that is off starts nothing but tells the family; a right one may follow, and until then the
    family's other commands are off as well."""
    others = (
        "sendMessage 0 a; printChatLog 0; skipSlots 1; crashServer 0; timeBombLeader 1; lossRate 0; allClear"
    )
    done = run_in_both(f"start 0 1; {others}; start 3 1; sendMessage 0 b; printChatLog 0")
    assert (done.printed, done.lines) == (["0 0: b"], list(range(1, 9)))
    others = (
        "lock 0 1; unlock 0 1; printLocks; crashClient 0; expireClient 0; restartServer 0; heal; allClear"
    )
    done = run_in_both(f"startLocks x 1; {others}; startLocks 1 1; lock 0 2; printLocks")
    assert (done.printed, done.lines) == (["2: 0"], list(range(1, 10)))


@pytest.mark.processes
@pytest.mark.parametrize("start", ["start 2 1", "startLocks 2 1"])
def test_consensus1_what_is_started_is_not_started_again(start: str) -> None:
    """A second start is off, and changes nothing."""
    done = run_in_both(f"{start}; {start}; {start.replace('2', '9')}; crashServer 2")
    assert done.lines == [2, 3, 4]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("start", "others"),
    [
        ("start 1 1", ("lock 0 1", "unlock 0 1", "printLocks", "expireClient 0", "put 0 a b", "stabilize")),
        ("startLocks 1 1", ("sendMessage 0 a", "printChatLog 0", "skipSlots 1", "start 1 1", "joinServer 1")),
        ("joinServer 0", ("sendMessage 0 a", "lock 0 1", "allClear", "lossRate 0.1", "startLocks 1 1")),
    ],
)
def test_consensus1_a_command_of_another_family_is_off(start: str, others: tuple[str, ...]) -> None:
    """A command of another family is skipped with a line that says so, and ends a strict run with status
    2."""
    done = run_in_both("; ".join((start, *others)))
    assert (done.printed, done.status, done.lines) == ([], 0, list(range(2, len(others) + 2)))
    assert all(" of the famil" in line and line.endswith(SKIPPED) for line in done.said)
    strict = run_in_both("; ".join((start, *others)), "--strict")
    assert (strict.status, strict.said) == (2, done.said[:1])


@pytest.mark.processes
@pytest.mark.parametrize(
    ("start", "line", "prints", "reply"),
    [
        ("start 1 1", "sendMessage 0 hi", "printChatLog 0", "0 0: hi"),
        ("startLocks 1 1", "lock 0 4", "printLocks", "4: 0"),
    ],
)
def test_consensus1_include_expect_and_wait_are_for_all(
    start: str, line: str, prints: str, reply: str, tmp_path: Path
) -> None:
    """What include, expect and wait do in a store's scenario they do in every family's."""
    inner = tmp_path / "inner.inc"
    inner.write_text(f"{start}\n{line}\n", encoding="utf-8")
    text = f"include {inner}; wait 1; {prints}; expect {reply}; expect; {prints}; expect something else"
    done = run_in_both(text)
    assert (done.printed, done.status) == ([reply, reply], 4)
    assert done.said == [f"<stdin>:7: expected 'something else', but <stdin>:6, {prints}, printed '{reply}'"]
    assert run_in_both(f"{text.rpartition(';')[0]}", "--strict").status == 0


def test_consensus1_help_at_a_prompt_lists_the_familys_commands() -> None:
    """At a prompt help lists the commands of the family under test, and of all families before one is."""
    typed = Typed(at_prompt=True)
    everything = " ".join(typed.type("help"))
    assert all(name in everything for name in ("joinServer", "sendMessage", "expireClient", "lossRate"))
    ours = " ".join(typed.type("startLocks 3 1; help"))
    assert "expireClient" in ours
    assert not any(name in ours for name in ("joinServer", "sendMessage"))
    assert typed.type("help crashServer")[0] == "crashServer server"


def test_consensus1_status_at_a_prompt_tells_how_things_stand() -> None:
    """At a prompt status tells who leads, who has crashed, what each knows decided and what waits."""
    typed = Typed(at_prompt=True)
    assert typed.type("status") == ["nothing has been started yet: help lists the commands"]
    assert typed.type("start 0 1; status") == ["nothing has been started yet"]
    assert typed.type(
        "start 3 2; skipSlots 1; sendMessage 0 a; sendMessage 0 b; sendMessage 0 c; status"
    ) == [
        "running in lock-step",
        "server 0, the leader: knows slot 0 decided, and 2",
        "server 1: knows slot 0 decided, and 2",
        "server 2: knows slot 0 decided, and 2",
        "client 0: knows slot 0 decided, and 2, 1 of its own delivered, 2 not yet",
        "client 1: knows slot 0 decided, and 2, 0 of its own delivered, 0 not yet",
    ]
    assert typed.type("crashServer 2; crashServer 0; status")[:4] == [
        "running in lock-step",
        "no majority: 1 of 3 servers live",
        "server 0: crashed",
        "server 1: knows slot 0 decided, and 2",
    ]
    locks = Typed(at_prompt=True, free_running=True)
    assert locks.type("startLocks 1 2; crashClient 1; allClear; status") == [
        "running free-running",
        "server 0, the leader: knows no slot decided",
        "client 0: knows no slot decided, 0 of its own delivered, 0 not yet",
        "client 1: crashed",
    ]


@pytest.mark.processes
def test_consensus1_help_and_status_are_no_commands_of_a_file() -> None:
    """In a file help and status are unknown, in every family."""
    for start in ("start 1 1", "startLocks 1 1"):
        assert run_in_both(f"{start}; help; status").lines == [2, 3]


# Ids, sizes and numbers.


@pytest.mark.processes
def test_consensus1_servers_and_clients_have_ids_of_their_own() -> None:
    """Servers and clients have separate ids, both from 0 on."""
    done = run_in_both(
        "start 2 3; sendMessage 2 a; crashServer 0; restartServer 0; printChatLog 0; sendMessage 3 a"
    )
    assert (done.printed, done.lines) == (["0 2: a"], [6])
    assert done.said[0].endswith(f"there is no client 3: there are 0 to 2{SKIPPED}")
    assert run_in_both("start 2 3; crashServer 2; crashServer -1; printChatLog -1").lines == [2, 3, 4]


def test_consensus1_sizes_have_limits() -> None:
    """There are 1 to 99 servers and 0 to 999 clients, and any other number is off."""
    for start in ("start", "startLocks"):
        for wrong in ("0 1", "100 1", "-1 1", "1 -1", "1 1000", "1.0 1", "+1 1", "1_0 1", "x y", "\u0661 1"):
            typed = Typed()
            typed.type(f"{start} {wrong}")
            assert len(typed.said) == 1, wrong
            assert typed.type(f"{start} 01 00") == []
            assert typed.said == [], "leading zeros are none the worse"


@pytest.mark.campaign
def test_consensus1_the_largest_chat_works() -> None:
    """A chat of 99 servers and 999 clients does what any other does."""
    done = run_in(
        "sim", "start 99 999; sendMessage 998 hi; crashServer 0; sendMessage 0 there; printChatLog 500"
    )
    assert (done.printed, done.said) == (["0 998: hi", "1 0: there"], [])


@pytest.mark.campaign
@pytest.mark.processes
def test_consensus1_ninety_nine_processes_are_servers() -> None:
    """99 servers as processes do what simulated ones do."""
    text = (
        "start 99 2; sendMessage 1 hi; timeBombLeader 98; sendMessage 0 there; printChatLog 0; crashServer 0"
    )
    done = run_in("processes", text)
    assert (done.printed, done.lines) == (["0 1: hi", "1 0: there"], [6])


@pytest.mark.processes
def test_consensus1_numbers_have_63_bits() -> None:
    """Every other whole number fits 63 bits, or is off."""
    done = run_in_both(
        f"startLocks 1 1; lock 0 {BITS_63}; lock 0 {BITS_63 + 1}; lock 0 -1; timeBombLeader {BITS_63}; "
        f"timeBombLeader {BITS_63 + 1}; lock 0 0x1; lock 0 1.0; printLocks"
    )
    assert (done.printed, done.lines) == ([f"{BITS_63}: 0"], [3, 4, 6, 7, 8])
    done = run_in_both(
        f"start 1 1; skipSlots {BITS_63}; skipSlots {BITS_63 + 1}; sendMessage {BITS_63 + 1} a"
    )
    assert done.lines == [3, 4]


@pytest.mark.processes
def test_consensus1_a_message_has_64_kib_at_most() -> None:
    """A message has at most 64 KiB, counted in bytes, and one byte more is off."""
    for letter in (b"x", "\u00e9".encode(), b"\xff"):
        text = letter * (65536 // len(letter))
        done = run_in_both(b"start 3 1\nsendMessage 0 %s\nsendMessage 0 %sy\nprintChatLog 0\n" % (text, text))
        assert done.printed == [f"0 0: {text.decode('utf-8', 'surrogateescape')}"]
        assert done.lines == [3]
        assert "65537 bytes" in done.said[0]


@pytest.mark.processes
@pytest.mark.parametrize(("servers", "majority"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_consensus1_a_majority_is_more_than_half_of_all(servers: int, majority: int) -> None:
    """More than half of all servers, dead ones included, are needed, and are enough: 2 of 3, 3 of 4, 3 of
    5."""
    text = f"start {servers} 1"
    for server in range(servers - majority):
        text += f"; crashServer {servers - 1 - server}"
    if majority > 1:
        fewer = f"{text}; crashServer {majority - 1}; sendMessage 0 a; printChatLog 0"
        assert printed(fewer) == []
        assert printed(f"{fewer}; restartServer {servers - 1}; printChatLog 0") == ["0 0: a"]
    assert printed(f"{text}; sendMessage 0 a; printChatLog 0") == ["0 0: a"]


@pytest.mark.processes
def test_consensus1_the_dead_are_not_killed_and_the_living_not_started() -> None:
    """Killing a server that is dead, and starting one that lives, are off."""
    for start in ("start 3 1", "startLocks 3 1"):
        text = f"{start}; restartServer 1; crashServer 1; crashServer 1; restartServer 1; restartServer 1"
        assert run_in_both(text).lines == [2, 4, 6]


RATES = ("lossRate", "duplicateRate", "reorderRate")
WRONG_RATES = ("0.91", "1", "-0.1", "x", "nan", "inf", "0x0", "1e-1", "0.1.2", "\u0660", "")
WRONG_DELAYS = ("10000.5", "10001", "-1", "x", "nan", "")


@pytest.mark.processes
def test_consensus1_probabilities_and_delays_have_limits() -> None:
    """Probabilities are decimal numbers from 0 to 0.9 and delays from 0 to 10,000 milliseconds; anything else
    is off and changes nothing."""
    good = [f"{rate} {p}" for rate in RATES for p in ("0", "0.9", ".5", "00.90", "-0")]
    good += ["delayUpTo 0", "delayUpTo 0.5", "delayUpTo 10000", "delayUpTo 0"]
    off = [f"{rate} {p}" for rate in RATES for p in WRONG_RATES] + [f"delayUpTo {ms}" for ms in WRONG_DELAYS]
    for start in ("start 1 0", "startLocks 1 0"):
        assert run_in_both("; ".join((start, *good))).said == []
        assert run_in_both("; ".join((start, *off))).lines == list(range(2, len(off) + 2))


# Lines and bytes.


@pytest.mark.processes
def test_consensus1_a_message_is_the_rest_of_its_line() -> None:
    """A message goes from the first non-blank after the id to the last non-blank: blanks within it are kept,
    those around it dropped."""
    done = run_in_both(
        b"start 1 1\nsendMessage\t0 \t a  b\tc \t\r\n\t sendMessage  0  # no comment\nprintChatLog 0\n"
    )
    assert (done.printed, done.said) == (["0 0: a  b\tc", "1 0: # no comment"], [])


@pytest.mark.processes
def test_consensus1_a_message_without_text_is_off() -> None:
    """A message without any text is off."""
    done = run_in_both(b"start 1 1\nsendMessage 0\nsendMessage 0 \t \r\nsendMessage\nprintChatLog 0")
    assert (done.printed, done.lines) == ([], [2, 3, 4])


@pytest.mark.processes
def test_consensus1_blanks_are_ascii() -> None:
    """Only ASCII blanks part fields, so other ones belong to the text."""
    done = run_in_both("start 1 1; sendMessage 0 \u00a0x\u2003; sendMessage\u00a00 y; printChatLog 0")
    assert done.lines == [3]
    assert done.printed == ["0 0: \u00a0x\u2003"]


@pytest.mark.processes
def test_consensus1_bytes_that_are_no_utf8_go_through() -> None:
    """Bytes that are no UTF-8 come out of a chat as they went in."""
    done = run_in_both(b"start 3 1\nsendMessage 0 \xff\xfe \xc3(\nprintChatLog 0\n")
    assert [line.encode("utf-8", "surrogateescape") for line in done.printed] == [b"0 0: \xff\xfe \xc3("]


@pytest.mark.processes
def test_consensus1_extra_fields_are_ignored_with_a_line() -> None:
    """Fields too many are ignored, and told on standard error; a strict run ends there."""
    text = "start 1 1 9; sendMessage 0 a; printChatLog 0 0; allClear now"
    done = run_in_both(text)
    assert (done.printed, done.lines, done.status) == (["0 0: a"], [1, 3, 4], 0)
    assert run_in_both(text, "--strict").status == 2


@pytest.mark.processes
def test_consensus1_too_few_fields_are_off() -> None:
    """A command with too few fields is off, and its usage is told."""
    commands = ("sendMessage", "printChatLog", "skipSlots", "crashServer", "timeBombLeader", "lossRate")
    done = run_in_both("; ".join(("start 1 1", *commands)))
    assert done.lines == list(range(2, 8))
    assert all("too few fields: the command is " in line for line in done.said)


@pytest.mark.processes
def test_consensus1_what_waits_at_the_end_is_no_error() -> None:
    """What still waits at the end of a scenario is no error."""
    assert printed("start 3 1; crashServer 0; crashServer 1; sendMessage 0 a") == []
    assert printed("startLocks 3 2; lock 0 1; lock 1 1") == []
    assert printed("start 3 1; skipSlots 0; sendMessage 0 a; sendMessage 0 b") == []


@pytest.mark.processes
def test_consensus1_nothing_but_what_prints_is_printed() -> None:
    """Nothing but printChatLog and printLocks writes to standard output."""
    chat = (
        "start 3 2; sendMessage 0 a; skipSlots 2; timeBombLeader 1; sendMessage 1 b; restartServer 0; "
        "crashServer 1; lossRate 0.1; duplicateRate 0.1; reorderRate 0.1; delayUpTo 1; allClear"
    )
    assert printed(chat) == []
    assert (
        printed("startLocks 3 2; lock 0 1; unlock 0 1; lock 1 1; crashClient 1; expireClient 1; allClear")
        == []
    )


@pytest.mark.processes
def test_consensus1_partitions_are_for_servers_that_run_freely() -> None:
    """In lock-step partition and heal are off."""
    for start in ("start 3 1", "startLocks 3 1"):
        assert run_in_both(f"{start}; partition 0 1 | 2; heal").lines == [2, 3]


@pytest.mark.processes
def test_consensus1_a_partition_holds_back_the_smaller_part() -> None:
    """Free-running, servers that are cut off learn nothing until heal, and those with a majority go on."""
    cut = "start 5 1; partition 0 1 | 2 3 4; sendMessage 0 a"
    assert printed(f"{cut}; heal; allClear; printChatLog 0", "--free-running") == ["0 0: a"]
    done = run_in_both(f"{cut}; allClear", "--free-running", "--deadline", "2")
    assert (done.printed, done.status) == ([], 3)
    assert "not done within 2 s" in done.said[0]


@pytest.mark.processes
def test_consensus1_heal_leaves_rates_and_delays() -> None:
    """The end of a partition is not the end of losses: heal leaves rates and delays as they are."""
    text = (
        "start 3 1; lossRate 0.5; delayUpTo 5; partition 0 | 1 2; heal; sendMessage 0 a; allClear; "
        "printChatLog 0"
    )
    assert printed(text, "--free-running") == ["0 0: a"]
    typed = Typed(free_running=True)
    typed.type(text)
    weather = typed.run.system.weather  # type: ignore[union-attr]
    assert weather == {"loss": 0.5, "delay_s": 0.005}


@pytest.mark.processes
def test_consensus1_partitions_name_servers_once() -> None:
    """A partition that names a server twice, or one that nobody has, is off and cuts nothing."""
    text = (
        "start 3 1; partition 0 1 | 1; partition 0 | 7; partition x | 0; sendMessage 0 a; allClear; "
        "printChatLog 0"
    )
    done = run_in_both(text, "--free-running")
    assert (done.printed, done.lines) == (["0 0: a"], [2, 3, 4])


@pytest.mark.processes
def test_consensus1_a_command_that_takes_too_long_says_who_waits() -> None:
    """A command that is not done within the deadline ends the run with status 3, and a line that says who
    waits for what."""
    for world in WORLDS:
        done = run_in(world, "start 3 1; lossRate 0.9; delayUpTo 10000; sendMessage 0 a", "--deadline", "4")
        assert (done.printed, done.status) == ([], 3)
        assert done.said[0].startswith("<stdin>:4: not done within 4 s: ")
        assert "waits for" in done.said[0]
