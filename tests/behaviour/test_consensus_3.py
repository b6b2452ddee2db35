"""Consensus, section 3: the chat."""

from __future__ import annotations

import pytest

from tests.behaviour.consensus import WORLDS, Typed, lines_of, printed, run_in

CROWD = "; ".join(f"sendMessage {number % 4} {number}" for number in range(24))


@pytest.mark.processes
def test_consensus3_a_line_for_each_message() -> None:
    """A view has a line for each message: its slot, from 0 on, its sender and its text."""
    text = "start 3 2; sendMessage 1 hello there; sendMessage 0 hi; printChatLog 0; printChatLog 1"
    assert printed(text) == ["0 1: hello there", "1 0: hi"] * 2


@pytest.mark.processes
def test_consensus3_one_message_under_way() -> None:
    """A client has one message under way: the next one waits until its slot and all below are decided."""
    text = (
        "start 3 2; skipSlots 0; sendMessage 0 a; sendMessage 0 b; sendMessage 1 c; crashServer 0; "
        "printChatLog 0"
    )
    assert printed(text) == ["1 0: a", "2 1: c", "3 0: b"], "b was not yet in the log when c came"
    # The leader fills slot 0 where c would get slot 1,000, and b goes out though nobody else came to lead.
    many = ",".join(map(str, (0, *range(2, 1000))))
    text = f"start 3 2; skipSlots {many}; sendMessage 0 a; sendMessage 0 b; sendMessage 1 c; printChatLog 0"
    assert printed(text) == ["1 0: a", "1000 1: c", "1001 0: b"]


@pytest.mark.processes
def test_consensus3_a_view_ends_at_the_first_gap() -> None:
    """A view ends before the first slot that is not decided, whatever is decided above."""
    text = (
        "start 3 2; sendMessage 0 a; skipSlots 1; sendMessage 0 b; sendMessage 1 c; printChatLog 0; "
        "printChatLog 1"
    )
    assert printed(text) == ["0 0: a"] * 2


@pytest.mark.processes
def test_consensus3_a_no_op_prints_nothing() -> None:
    """A slot with a no-op prints nothing, and its number stays out."""
    text = "start 3 1; skipSlots 0,1,2; sendMessage 0 a; crashServer 0; sendMessage 0 b; printChatLog 0"
    assert printed(text) == ["3 0: a", "4 0: b"]


@pytest.mark.processes
def test_consensus3_a_message_is_told_by_its_number_and_not_its_text() -> None:
    """The same text sent twice is printed twice, and one message that stands in two slots once."""
    twice = "start 3 2; sendMessage 0 a; sendMessage 0 a; sendMessage 1 a; printChatLog 1"
    assert printed(twice) == ["0 0: a", "1 0: a", "2 1: a"]


@pytest.mark.processes
def test_consensus3_example_of_red_and_blue() -> None:
    """What is decided above a gap is held back, and delivered once the next leader has put a no-op into the
    gap."""
    text = "start 3 1; skipSlots 0,2; sendMessage 0 red; sendMessage 0 blue; printChatLog 0"
    assert printed(text) == []
    assert printed(f"{text}; crashServer 0; printChatLog 0") == ["1 0: red", "2 0: blue"]


@pytest.mark.processes
def test_consensus3_example_of_a_slot_found_late() -> None:
    """A message that is found in a second slot after it was decided in a lower one is decided there again,
    and printed once."""
    text = (
        "start 5 2; sendMessage 1 first; skipSlots 1; crashServer 1; timeBombLeader 1; sendMessage 0 m; "
        "printChatLog 0; restartServer 0; crashServer 2; printChatLog 0; sendMessage 1 next; printChatLog 0"
    )
    early = ["0 1: first", "1 0: m"]
    assert printed(text) == [*early, *early, *early, "3 1: next"]
    typed = Typed()
    typed.type(text)
    decided = typed.run.world.nodes[3].log.decided  # type: ignore[attr-defined]
    assert decided[1] == decided[2], "the same command, number and all, in two slots"


@pytest.mark.processes
def test_consensus3_without_a_majority_what_was_delivered_is_printed() -> None:
    """Without a majority, and without any server, a client's view is what was delivered before."""
    text = "start 3 1; sendMessage 0 a; crashServer 1; crashServer 2; sendMessage 0 b; printChatLog 0"
    assert printed(f"{text}; crashServer 0; printChatLog 0") == ["0 0: a"] * 2


@pytest.mark.processes
def test_consensus3_every_client_has_the_same_view() -> None:
    """Every client sees the same messages in the same slots."""
    text = f"start 3 4; {CROWD}; " + "; ".join(f"printChatLog {client}" for client in range(4))
    expected = [f"{number} {number % 4}: {number}" for number in range(24)]
    assert printed(text) == expected * 4


@pytest.mark.processes
@pytest.mark.parametrize(
    "faults",
    [
        "",
        "lossRate 0.3; duplicateRate 0.3; reorderRate 0.3; delayUpTo 20",
        "timeBombLeader 7",
        "skipSlots 1; timeBombLeader 0",
    ],
)
def test_consensus3_free_running_views_are_prefixes_of_one_log(faults: str) -> None:
    """Free-running, each client's messages come in its own order, nothing twice and nothing lost, and after
    allClear all views are equal."""
    views = "; ".join(f"printChatLog {client}" for client in range(4))
    text = f"start 3 4; {faults}; {CROWD}; {views}; # all; allClear; {views}"
    for world in WORLDS:
        done = run_in(world, text, "--free-running", "--seed", "5")
        assert (done.said, done.status) == ([], 0)
        last = done.printed[-24:]
        assert sorted(int(line.split(": ")[1]) for line in last) == list(range(24))
        slots = [int(line.split()[0]) for line in last]
        assert slots == sorted(set(slots))
        for client in range(4):
            own = [line.split(": ")[1] for line in last if line.split()[1] == f"{client}:"]
            assert own == [str(number) for number in range(client, 24, 4)]
        assert done.printed[-96:] == last * 4
        for line in done.printed[:-96]:
            assert line in last


@pytest.mark.processes
def test_consensus3_free_running_all_clear_waits_for_no_majority_and_no_gap() -> None:
    """Free-running, allClear does not wait for what needs a majority or stands behind a skipped slot."""
    lost = (
        "start 3 1; sendMessage 0 a; allClear; crashServer 0; crashServer 1; sendMessage 0 b; "
        "allClear; printChatLog 0"
    )
    assert printed(lost, "--free-running") == ["0 0: a"]
    gap = (
        "start 3 1; skipSlots 1; sendMessage 0 a; sendMessage 0 b; sendMessage 0 c; allClear; printChatLog 0"
    )
    assert printed(gap, "--free-running") == ["0 0: a"]


@pytest.mark.processes
def test_consensus3_free_running_what_waited_is_delivered_after_a_restart() -> None:
    """Free-running, what waited for a majority is delivered once there is one."""
    text = (
        "start 3 1; crashServer 0; crashServer 1; sendMessage 0 a; allClear; printChatLog 0; "
        "restartServer 1; allClear; "
        "printChatLog 0"
    )
    assert printed(text, "--free-running") == ["0 0: a"]


def test_consensus3_free_running_is_a_function_of_its_seed() -> None:
    """Simulated, a free-running scenario prints the same for the same seed."""
    text = lines_of(f"start 5 4; lossRate 0.2; {CROWD}; timeBombLeader 9; {CROWD}; allClear; printChatLog 0")
    outputs = [run_in("sim", text, "--free-running", "--seed", seed).printed for seed in ("1", "1", "2")]
    assert outputs[0] == outputs[1]
    assert sorted(line.split(": ")[1] for line in outputs[0]) == sorted(
        line.split(": ")[1] for line in outputs[2]
    )
