"""The twin of chat and lock scenarios does what is specified: each example, and what must hold of any run."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from bayou.tester.config import read_config
from tests.consensus_cluster import MASTER, Command
from tests.consensus_generator import FAMILIES, SIGHTINGS, scenario, sightings
from tests.consensus_goldens import EXAMPLES, RULES
from tests.consensus_locks import Table
from tests.consensus_properties import look
from tests.consensus_twin import ConsensusTwin, OtherFamily, Outcome, run

RANDOM = int(os.environ.get("BAYOU_TEST_CONSENSUS", "150"))


def outcome(text: str) -> Outcome:
    """Return what becomes of a scenario, its commands parted by semicolons."""
    return run("\n".join(piece.strip() for piece in text.split(";")).encode())


def printed(text: str) -> list[str]:
    """Return what stands on standard output."""
    return outcome(text).out.decode().splitlines()


# Section 1: families of scenarios, and lines that are off.


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("start 3 1", "chat"),
        ("start 3 1 9", "chat"),
        ("start three one", "chat"),
        ("# one; // two; ; zip; wait 1; expect; help; status; start 3 1", "chat"),
        ("startLocks 3 1", "locks"),
        ("startLocks", "locks"),
        ("# nothing", ""),
        ("zip", ""),
    ],
)
def test_section_1_the_first_command_tells_the_family(text: str, family: str) -> None:
    assert outcome(text).family == family


@pytest.mark.parametrize(
    "text",
    ["start", "start 3", "joinServer 0; start 3 1", "put", "crashServer 0; start 3 1", "sendMessage 0 a"],
)
def test_section_1_anything_else_is_the_store(text: str) -> None:
    with pytest.raises(OtherFamily):
        outcome(text)


def test_section_1_a_start_that_is_off_starts_nothing_and_a_right_one_may_follow() -> None:
    wrong = [
        "0 1",
        "100 1",
        "-1 1",
        "3 -1",
        "3 1000",
        "3 x",
        "+3 1",
        "3.0 1",
        "\u0663 1",
        "1_0 1",
        "99999999999999999999 1",
    ]
    lines = [f"start {numbers}" for numbers in wrong]
    commands = [
        "sendMessage 0 a", "printChatLog 0", "skipSlots 0", "crashServer 0", "restartServer 0",
        "timeBombLeader 0",
        "lossRate 0", "duplicateRate 0", "reorderRate 0", "delayUpTo 0", "allClear",
        "partition 0 | 1", "heal",
    ]  # fmt: skip
    text = "; ".join([*lines, *commands, "start 3 1", "sendMessage 0 a", "start 3 1", "printChatLog 0"])
    done = outcome(text)
    assert done.out == b"0 0: a\n"
    off = len(lines) + len(commands)
    assert done.error_lines == [*range(1, off + 1), off + 3]


@pytest.mark.parametrize("numbers", ["1 0", "99 999", "01 00"])
def test_section_1_sizes_at_their_limits(numbers: str) -> None:
    assert outcome(f"start {numbers}").error_lines == []


def test_section_1_commands_of_another_family_are_error_lines() -> None:
    chat = (
        "start 3 1; lock 0 1; unlock 0 1; crashClient 0; expireClient 0; printLocks; "
        "startLocks 1 1; put 0 a b"
    )
    assert outcome(chat).error_lines == [2, 3, 4, 5, 6, 7, 8]
    locks = "startLocks 3 1; sendMessage 0 a; printChatLog 0; skipSlots 1; start 1 1; joinServer 1; pause"
    assert outcome(locks).error_lines == [2, 3, 4, 5, 6, 7]


def test_section_1_the_text_of_a_message() -> None:
    text = (
        b"start 1 1\r\nsendMessage\t0 \t a  b\tc \t\r\n sendMessage 0 \xff\xc2\xa0\n"
        b"sendMessage 0\nprintChatLog 0"
    )
    done = run(text)
    assert done.out == b"0 0: a  b\tc\n1 0: \xff\xc2\xa0\n"
    assert done.error_lines == [4]
    long = "x" * 65_536
    assert outcome(f"start 1 1; sendMessage 0 {long}; sendMessage 0 {long}y").error_lines == [3]


def test_section_1_ids_numbers_and_rates_at_their_limits() -> None:
    most = 2**63 - 1
    good = [
        "lossRate 0", "lossRate 0.9", "duplicateRate .5", "reorderRate 0.90", "delayUpTo 10000",
        "delayUpTo 0.5",
        f"timeBombLeader {most}", "lock 0 0", f"lock 0 {most}", "lock 00 07", "wait 1",
    ]  # fmt: skip
    bad = [
        "lossRate 0.91", "lossRate -0.1", "lossRate x", "lossRate nan", "duplicateRate inf", "reorderRate 1",
        "lossRate", "lossRate 0_0", "delayUpTo 10000.5", "delayUpTo -1", "timeBombLeader -1",
        f"timeBombLeader {most + 1}", "timeBombLeader 1.0", "lock 0 -1", f"lock 0 {most + 1}",
        "lock 0 x", "lock 0",
        "lock 1 0", "lock -1 0", "lock +0 0", "lock \u0660 0", "crashServer 3", "crashServer x",
        "restartServer 0",
        "partition 0 | 1", "heal", "expireClient 0", "expireClient 1", "help", "status",
    ]  # fmt: skip
    assert outcome("; ".join(["startLocks 3 1", *good])).error_lines == []
    assert outcome("; ".join(["startLocks 3 1", *bad])).error_lines == list(range(2, len(bad) + 2))


def test_section_1_killing_the_dead_and_starting_the_living_are_error_lines() -> None:
    done = outcome(
        "start 3 1; restartServer 1; crashServer 1; crashServer 1; restartServer 1; restartServer 1"
    )
    assert done.error_lines == [2, 4, 6]


def test_section_1_extra_fields_are_only_warned_about() -> None:
    done = outcome("start 3 1 8; sendMessage 0 a; printChatLog 0 0; allClear now; crashServer 9 9")
    assert done.out == b"0 0: a\n"
    assert done.error_lines == [5]
    assert done.warnings == [f"<stdin>:{number}" for number in (1, 3, 4, 5)]


# Section 2: coming to rest, time bombs, skipped slots.


@pytest.mark.parametrize("count", range(9))
def test_section_2_time_bomb_example(count: int) -> None:
    """Whatever the leader had sent, the message is there once; where it had sent all, the bomb ticks on."""
    twin = ConsensusTwin()
    for line in (b"start 3 2", b"timeBombLeader %d" % count, b"sendMessage 1 hi"):
        twin.line(line)
    assert twin.cluster is not None
    assert twin.cluster.leader == (1 if count <= 4 else 0)
    assert twin.line(b"printChatLog 0") == twin.line(b"printChatLog 1") == ["0 1: hi"]
    twin.line(b"sendMessage 1 again")
    assert twin.cluster.leader == (1 if count <= 8 else 0)
    assert twin.line(b"printChatLog 0") == ["0 1: hi", "1 1: again"]


def test_section_2_example_of_messages_that_wait_for_a_majority() -> None:
    lost = "start 3 2; crashServer 0; crashServer 2; sendMessage 1 x; sendMessage 0 y"
    assert printed(f"{lost}; printChatLog 0") == []
    assert printed(f"{lost}; restartServer 2; printChatLog 0") == ["0 1: x", "1 0: y"]


def test_section_2_a_restarted_leader_leads_when_its_turn_comes_again() -> None:
    twin = ConsensusTwin()
    led = []
    for line in (
        "start 3 1", "crashServer 0", "restartServer 0", "crashServer 1", "restartServer 1", "crashServer 2",
        "restartServer 2", "crashServer 0", "crashServer 1", "restartServer 0", "crashServer 2",
        "crashServer 0",
        "restartServer 0", "restartServer 2", "restartServer 1",
    ):  # fmt: skip
        twin.line(line.encode())
        assert twin.cluster is not None
        led.append(twin.cluster.leader)
    assert led == [0, 1, 1, 2, 2, 0, 0, 1, None, 2, None, None, None, 0, 0]


def test_section_2_the_circle_goes_on_from_the_last_leader() -> None:
    """The first of those that are back, counted from it, and itself only where there is nobody else."""
    twin = ConsensusTwin()
    for line in ("start 5 1", *(f"crashServer {server}" for server in range(5)), "restartServer 2"):
        twin.line(line.encode())
    assert twin.cluster is not None
    assert twin.cluster.last == 2  # 0, 1 and 2 led, then there was no majority
    for line, leader in (("restartServer 1", None), ("restartServer 0", 0), ("crashServer 0", None)):
        twin.line(line.encode())
        assert twin.cluster.leader == leader
    assert printed("start 1 1; crashServer 0; sendMessage 0 a; restartServer 0; printChatLog 0") == ["0 0: a"]


def test_section_2_a_new_leader_hears_every_live_server() -> None:
    """Of five that live, the last one alone has accepted something, and a majority could do without it."""
    circle = "; ".join(f"crashServer {server}; restartServer {server}" for server in range(4))
    text = (
        f"startLocks 5 2; {circle}; crashServer 0; crashServer 1; timeBombLeader 2; lock 0 1; crashClient 0; "
        "restartServer 0; restartServer 4; restartServer 1; printLocks; crashServer 0; printLocks"
    )
    assert printed(text) == ["1: 0"]


def test_section_2_a_bomb_is_replaced_and_dies_with_its_leader() -> None:
    skipping = "sendMessage 0 a; skipSlots 1; sendMessage 0 b; printChatLog 0"
    assert printed(f"start 3 1; timeBombLeader 1; timeBombLeader 9; {skipping}") == ["0 0: a"]
    gone = f"start 3 1; timeBombLeader 1; crashServer 0; {skipping}; crashServer 1"
    done = outcome(f"{gone}; timeBombLeader 1; skipSlots 7")
    assert done.out == b"0 0: a\n"
    assert done.error_lines == [9, 10]


def test_section_2_skipped_slots_that_are_refused() -> None:
    """In one error line, and the others count; but nothing counts where an item is no slot."""
    skip = (
        "start 3 3; sendMessage 0 a; skipSlots {}; sendMessage 0 b; sendMessage 1 c; "
        "crashServer 0; printChatLog 0"
    )
    for items, error, slots in (
        ("1", False, (2, 3)), ("0,1", True, (2, 3)), ("2,1,1", False, (3, 4)), ("1,3", False, (2, 4)),
        ("1,,2", True, (1, 2)), ("1,", True, (1, 2)), (",1", True, (1, 2)), ("1,x", True, (1, 2)),
        ("1,-1", True, (1, 2)), ("0", True, (1, 2)), (f"1,{2**63}", True, (1, 2)), ("1, 2", True, (1, 2)),
    ):  # fmt: skip
        done = outcome(skip.format(items))
        assert done.error_lines == [3] * error, items
        assert done.out.decode().splitlines() == ["0 0: a", f"{slots[0]} 0: b", f"{slots[1]} 1: c"], items


def test_section_2_a_window_is_filled_at_the_usual_cost() -> None:
    """Slot 1,000 is the first that has no room while slot 0 is open; each no-op costs four messages."""
    many = ",".join(str(slot) for slot in range(1_000))
    assert printed(f"start 3 2; skipSlots {many}; sendMessage 0 a; printChatLog 0") == ["1000 0: a"]
    fewer = many.removesuffix(",999")
    text = f"start 3 2; skipSlots {fewer}; sendMessage 0 a; printChatLog 0; sendMessage 1 b; printChatLog 0"
    assert printed(text) == ["999 0: a", "1000 1: b"]
    # The bomb goes off after the first Accept of slot 2: server 1 finds no-ops in 0 to 2, and has no list.
    assert printed(f"start 3 2; skipSlots {many}; timeBombLeader 9; sendMessage 0 a; printChatLog 0") == [
        "3 0: a"
    ]


# Section 3: chat.


def test_section_3_example_of_skipped_slots() -> None:
    twin = ConsensusTwin()
    for line in ("start 3 1", "skipSlots 0,2", "sendMessage 0 red", "sendMessage 0 blue"):
        twin.line(line.encode())
    assert twin.line(b"printChatLog 0") == []
    twin.line(b"crashServer 0")
    assert twin.line(b"printChatLog 0") == ["1 0: red", "2 0: blue"]


def test_section_3_example_of_a_slot_found_late() -> None:
    twin = ConsensusTwin()
    for line in (
        "start 5 2", "sendMessage 1 first", "skipSlots 1", "crashServer 1", "timeBombLeader 1",
        "sendMessage 0 m",
    ):  # fmt: skip
        twin.line(line.encode())
    assert twin.cluster is not None
    assert twin.cluster.leader == 2
    assert twin.line(b"printChatLog 0") == ["0 1: first", "1 0: m"]
    twin.line(b"restartServer 0")
    twin.line(b"crashServer 2")
    assert twin.cluster.leader == 3
    assert twin.cluster.servers[4].known[1] == twin.cluster.servers[4].known[2]
    assert twin.line(b"printChatLog 0") == ["0 1: first", "1 0: m"]
    twin.line(b"sendMessage 1 next")
    assert twin.line(b"printChatLog 0") == ["0 1: first", "1 0: m", "3 1: next"]


def test_section_3_what_was_delivered_stays_without_a_majority() -> None:
    text = (
        "start 3 1; sendMessage 0 a; crashServer 1; crashServer 2; sendMessage 0 b; "
        "printChatLog 0; crashServer 0"
    )
    assert printed(f"{text}; printChatLog 0") == ["0 0: a", "0 0: a"]


# Section 4: locks.


def test_section_4_example_of_locks() -> None:
    done = outcome(
        "startLocks 3 3; lock 1 8; lock 0 8; lock 1 8; unlock 0 8; unlock 1 8; lock 2 3; "
        "unlock 2 3; printLocks"
    )
    assert done.out == b"3: free\n8: 0\n"
    assert done.remarks == [("<stdin>:4", "already"), ("<stdin>:5", "not yours")]
    assert done.error_lines == []


def test_section_4_every_row_of_the_table() -> None:
    done = outcome(
        "startLocks 3 4; unlock 0 1; lock 0 1; lock 1 1; lock 2 1; lock 1 1; unlock 1 1; printLocks; "
        "unlock 0 1; printLocks; unlock 1 1; unlock 2 1; printLocks; unlock 2 1; unlock 3 5; printLocks"
    )
    assert done.out.decode().splitlines() == ["1: 0 waiting 1,2", "1: 1 waiting 2", "1: free", "1: free"]
    remarks = [(2, "not yours"), (6, "already"), (7, "not yours"), (14, "not yours"), (15, "not yours")]
    assert done.remarks == [(f"<stdin>:{number}", text) for number, text in remarks]


def test_section_4_a_crashed_client_keeps_its_places_until_it_is_expired() -> None:
    text = (
        "startLocks 3 4; lock 0 5; lock 1 5; lock 2 5; lock 1 2; lock 3 2; crashClient 1; "
        "unlock 0 5; printLocks"
    )
    assert printed(text) == ["2: 1 waiting 3", "5: 1 waiting 2"]
    done = outcome(
        f"{text}; expireClient 1; printLocks; lock 1 9; crashClient 1; expireClient 1; expireClient 0"
    )
    assert done.out.decode().splitlines()[2:] == ["2: 3", "5: 2"]
    assert done.error_lines == [12, 13, 14, 15]


def test_section_4_what_no_server_has_accepted_is_gone_with_its_client() -> None:
    """With what one has accepted it is otherwise: the next leader finds it."""
    lost = (
        "startLocks 3 2; crashServer 1; crashServer 2; lock 0 1; crashClient 0; restartServer 1; printLocks"
    )
    assert printed(lost) == []
    bomb = (
        "startLocks 3 2; crashServer 1; timeBombLeader {}; lock 0 1; lock 0 2; crashClient 0; "
        "restartServer 1; printLocks"
    )
    assert printed(bomb.format(1)) == []  # the Accept went to the dead server 1
    assert printed(bomb.format(2)) == ["1: 0"]
    again = "restartServer 0; crashServer 1; printLocks"
    assert printed(f"{bomb.format(1)}; {again}") == ["1: 0"]  # server 0 had accepted it, and is heard now


def test_section_4_a_crashed_clients_answers_are_not_told() -> None:
    text = "startLocks 3 2; crashServer 1; timeBombLeader 2; unlock 0 1; {}; restartServer 1; printLocks"
    assert outcome(text.format("crashClient 0")).remarks == []
    assert outcome(text.format("allClear")).remarks == [("<stdin>:4", "not yours")]


def test_section_4_a_command_accepted_below_its_clients_expiry_is_put_aside_by_it() -> None:
    """Server 0 alone has accepted it in slot 0, where a leader that has not heard of it puts the expiry."""
    text = (
        "startLocks 5 2; crashServer 1; crashServer 2; timeBombLeader 1; lock 0 7; crashClient 0; "
        "expireClient 0; "
        "restartServer 1; restartServer 0; crashServer 1; lock 1 3; printLocks"
    )
    assert printed(text) == ["3: 1"]


def test_section_4_a_command_after_its_clients_expiry_names_no_lock() -> None:
    """In lock-step it does not come to that, as only one slot is open at a time."""
    decrees = [
        (MASTER, 1, ("expireClient", "0")),
        (0, 1, ("lock", "7")),
        (0, 2, ("unlock", "7")),
        (1, 1, ("lock", "7")),
    ]
    commands = [Command(*decree) for decree in decrees]
    table = Table(list(enumerate(commands[:3])))
    assert table.lines() == []
    assert [answer.text for answer in table.answers] == ["expired", "nothing", "nothing"]
    assert Table(list(enumerate(commands))).lines() == ["7: 1"]


def test_section_4_tokens_are_the_slots_that_made_the_grants() -> None:
    orders = [
        (0, "lock 1"),
        (0, "lock 2"),
        (1, "lock 1"),
        (2, "lock 2"),
        (MASTER, "expireClient 0"),
        (1, "unlock 1"),
    ]
    numbers: dict[int, int] = {}
    view = []
    for slot, (client, words) in enumerate(orders):
        numbers[client] = numbers.get(client, 0) + 1
        view.append((slot, Command(client, numbers[client], tuple(words.split()))))
    assert Table(view).grants == [(0, 1, 0), (1, 2, 0), (4, 1, 1), (4, 2, 2)]


def test_section_4_print_locks_waits_for_nothing() -> None:
    dead = "crashServer 0; crashServer 1; crashServer 2; lock 1 1; printLocks"
    assert printed(f"startLocks 3 2; lock 0 1; lock 1 2; {dead}") == ["1: 0", "2: 1"]
    # Two Accepts were sent and nothing was heard: nobody knows that it is decided.
    assert printed(f"startLocks 3 2; timeBombLeader 2; lock 0 1; {dead.removeprefix('crashServer 0; ')}") == [
        "1: 0"
    ]
    assert printed("startLocks 3 1; crashServer 2; timeBombLeader 2; lock 0 1; printLocks") == []


# What must hold of any scenario.


@pytest.mark.parametrize("family", FAMILIES)
def test_what_must_hold_holds_of_random_scenarios(family: str) -> None:
    """Each decided slot has one value for ever, views only grow, nothing comes twice, nothing is lost."""
    seen: Counter[str] = Counter()
    for seed in range(RANDOM):
        lines = scenario(family, seed)
        try:
            done = look(lines)
        except AssertionError as error:
            raise AssertionError(f"{family}, seed {seed}: {error}\n{lines}") from error
        reached, same = sightings(lines)
        assert same == done
        seen += reached
    # Scenarios in which nothing happens prove nothing.
    assert [name for name in SIGHTINGS[family] if not seen[name]] == []


def test_a_scenario_is_a_function_of_its_seed() -> None:
    assert scenario("chat", 3) == scenario("chat", 3) != scenario("chat", 4)


# The golden scenarios.

HERE = Path(__file__).parent
GOLDEN = sorted(path.stem for family in FAMILIES for path in HERE.glob(f"{family}-*.test"))


def is_free_running(name: str) -> bool:
    """Whether servers are left to themselves in a golden scenario."""
    return "--free-running" in read_config(HERE / f"{name}.config").args


@pytest.mark.parametrize("name", [name for name in GOLDEN if not is_free_running(name)])
def test_golden_scenarios_print_what_their_solutions_say(name: str) -> None:
    done = run((HERE / f"{name}.test").read_bytes(), HERE.parent)
    assert done.out == (HERE.parent / "solutions" / f"{name}.sol").read_bytes()
    assert done.unmet == []
    assert done.family == name.split("-")[0]


def test_every_golden_scenario_explains_itself_and_shows_a_rule() -> None:
    assert sum(name.startswith("chat-") for name in GOLDEN) >= 34
    assert sum(name.startswith("locks-") for name in GOLDEN) >= 18
    for name in GOLDEN:
        lines = (HERE / f"{name}.test").read_text("utf-8", "surrogateescape").splitlines()
        comment = next(number for number, line in enumerate(lines) if not line.startswith("# "))
        assert 2 <= comment <= 6, f"{name} explains itself in {comment} lines"
    shown = {name for names in (*EXAMPLES.values(), *RULES.values()) for name in names}
    assert sorted(shown) == GOLDEN
