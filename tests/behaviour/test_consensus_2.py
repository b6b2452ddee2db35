"""Consensus, section 2: coming to rest, time bombs, slots that are skipped."""

from __future__ import annotations

import pytest

from tests.behaviour.consensus import WORLDS, Typed, printed, run_in, run_in_both

WEATHERS = (
    "lossRate 0.5",
    "lossRate 0.7",
    "duplicateRate 0.9",
    "reorderRate 0.9; delayUpTo 20",
    "lossRate 0.3; duplicateRate 0.3; reorderRate 0.3; delayUpTo 10",
)
STORY = (
    "skipSlots 1; sendMessage 0 a; sendMessage 1 b; sendMessage 0 c; crashServer 1; timeBombLeader 3; "
    "sendMessage 2 d; "
    "restartServer 0; crashServer 2; sendMessage 0 e; restartServer 1; printChatLog 0; printChatLog 1"
)


def leader_after(scenario: str) -> int | None:
    """Return who leads at the end of a simulated scenario, None for nobody."""
    typed = Typed()
    typed.type(scenario)
    leader: int | None = typed.run.system.pace.leader  # type: ignore[union-attr]
    return leader


# Coming to rest.


@pytest.mark.processes
def test_consensus2_all_has_come_to_rest_when_the_next_line_is_read() -> None:
    """In lock-step everything has come to rest before the next line is read, so allClear has nothing left to
    do."""
    text = "start 3 2; sendMessage 0 a; printChatLog 1; allClear; printChatLog 1"
    assert printed(text) == ["0 0: a", "0 0: a"]


@pytest.mark.processes
@pytest.mark.parametrize("weather", WEATHERS)
def test_consensus2_faults_never_change_what_is_printed(weather: str) -> None:
    """Losses, doubles, overtaking and delays cost time and never change what is printed."""
    calm = printed(f"start 3 3; {STORY}")
    assert calm == ["0 0: a", "2 1: b", "3 0: c", "4 2: d", "5 0: e"] * 2
    assert run_in("processes", f"start 3 3; {weather}; {STORY}").printed == calm
    for seed in ("0", "1", "7"):
        assert run_in("sim", f"start 3 3; {weather}; {STORY}", "--seed", seed).printed == calm


@pytest.mark.processes
def test_consensus2_a_rate_of_zero_ends_faults() -> None:
    """A rate or a delay of 0 ends what an earlier one began."""
    typed = Typed(free_running=True)
    typed.type("start 3 1; lossRate 0.9; delayUpTo 10000; lossRate 0; delayUpTo 0; wait 1")
    before = typed.run.world.now_s
    assert typed.type("sendMessage 0 a; allClear; printChatLog 0") == ["0 0: a"]
    assert typed.run.world.now_s - before < 0.5


@pytest.mark.processes
def test_consensus2_what_a_dead_server_had_sent_arrives() -> None:
    """What a server had sent before it died arrives, and what it had made durable is there when it comes
    back."""
    sent = "start 3 1; timeBombLeader 2; sendMessage 0 a; crashServer 1; crashServer 2; restartServer 1"
    assert printed(f"{sent}; printChatLog 0; restartServer 2; printChatLog 0") == ["0 0: a", "0 0: a"]


@pytest.mark.processes
def test_consensus2_what_was_sent_to_a_dead_server_is_lost() -> None:
    """What was sent to a dead server does not arrive when it is started again."""
    text = (
        "startLocks 3 2; crashServer 1; timeBombLeader 1; lock 0 1; crashClient 0; restartServer 1; "
        "lock 1 2; printLocks"
    )
    assert printed(text) == ["2: 1"]


@pytest.mark.processes
def test_consensus2_what_one_live_server_knows_all_get_to_know() -> None:
    """What any live server knows decided every live server and client gets to know, without a majority."""
    text = (
        "start 3 2; crashServer 2; sendMessage 0 a; crashServer 1; restartServer 2; crashServer 0; "
        "printChatLog 0; crashServer 2; restartServer 1; printChatLog 1"
    )
    assert printed(text) == ["0 0: a", "0 0: a"]
    # Server 2, of whom nobody but it is alive, was told by server 0 when it came back.
    alone = Typed()
    alone.type("start 3 1; crashServer 2; sendMessage 0 a; crashServer 1; restartServer 2; crashServer 0")
    assert alone.run.world.nodes[2].log.first == 1  # type: ignore[attr-defined]


@pytest.mark.processes
def test_consensus2_a_client_never_forgets() -> None:
    """A client knows what it was told, whichever servers have died since."""
    dead = "crashServer 0; crashServer 1; crashServer 2; printChatLog 0; printChatLog 1"
    assert printed(f"start 3 2; sendMessage 0 a; {dead}") == ["0 0: a", "0 0: a"]


@pytest.mark.processes
def test_consensus2_without_a_majority_nothing_is_proposed() -> None:
    """With fewer than a majority alive messages wait in their clients, and nobody becomes leader."""
    lost = "start 3 2; crashServer 0; crashServer 2; sendMessage 1 x; sendMessage 0 y"
    assert printed(f"{lost}; printChatLog 0; printChatLog 1") == []
    assert printed(f"{lost}; crashServer 1; restartServer 0; printChatLog 0") == []
    assert leader_after("start 3 1; crashServer 2; crashServer 0") is None
    done = run_in_both("start 3 1; crashServer 2; crashServer 0; timeBombLeader 1; skipSlots 1")
    assert done.lines == [4, 5]


@pytest.mark.processes
def test_consensus2_messages_wait_for_a_majority_in_order() -> None:
    """What waited is carried out, in the order of the lines, as soon as there is a majority again."""
    lost = "start 3 2; crashServer 0; crashServer 2; sendMessage 1 x; sendMessage 0 y"
    assert printed(f"{lost}; restartServer 2; printChatLog 0") == ["0 1: x", "1 0: y"]
    text = f"{lost}; sendMessage 1 z; restartServer 0; sendMessage 0 w; printChatLog 1"
    assert printed(text) == ["0 1: x", "1 0: y", "2 1: z", "3 0: w"]


@pytest.mark.processes
def test_consensus2_a_live_leader_stays_leader() -> None:
    """A leader that has lost its majority is still leader when it comes back."""
    text = (
        "start 3 1; crashServer 1; crashServer 2; skipSlots 0; sendMessage 0 a; restartServer 2; "
        "printChatLog 0"
    )
    assert printed(text) == [], "its list of skipped slots holds on"
    assert leader_after(text) == 0


@pytest.mark.processes
def test_consensus2_the_next_leader_is_the_next_in_the_circle() -> None:
    """A dead leader is followed by the first live server after it, ids taken in a circle, and a restarted one
    leads when its turn comes again."""
    led = []
    text = "start 3 1"
    for line in (
        "crashServer 0", "restartServer 0", "crashServer 1", "restartServer 1", "crashServer 2",
        "restartServer 2", "crashServer 0", "crashServer 1", "restartServer 0",
    ):  # fmt: skip
        text += f"; {line}"
        led.append(leader_after(text))
    assert led == [1, 1, 2, 2, 0, 0, 1, None, 2]
    # timeBombLeader 0 kills whoever leads; each time it is the one that can be started again.
    each = "; ".join(f"timeBombLeader 0; restartServer {server}" for server in (0, 1, 2, 3, 4, 0))
    assert printed(f"start 5 1; {each}; sendMessage 0 a; printChatLog 0") == ["0 0: a"]


@pytest.mark.processes
def test_consensus2_the_last_leader_itself_comes_last() -> None:
    """A last leader that was restarted leads again where there is nobody else."""
    assert printed("start 1 1; crashServer 0; sendMessage 0 a; restartServer 0; printChatLog 0") == ["0 0: a"]
    everybody = "; ".join(
        f"crashServer {server}" for server in range(5)
    )  # 0, 1 and 2 lead, one after another
    assert leader_after(f"start 5 1; {everybody}; restartServer 2; restartServer 1; restartServer 4") == 4
    assert leader_after(f"start 5 1; {everybody}; restartServer 2; restartServer 1; restartServer 0") == 0


@pytest.mark.processes
def test_consensus2_a_new_leader_hears_every_live_server() -> None:
    """A new leader hears every live server, and finds what one alone of them has accepted."""
    circle = "; ".join(f"crashServer {server}; restartServer {server}" for server in range(4))
    text = (
        f"startLocks 5 2; {circle}; crashServer 0; crashServer 1; timeBombLeader 2; lock 0 1; crashClient 0; "
        "restartServer 0; restartServer 4; restartServer 1; printLocks; crashServer 0; printLocks"
    )
    assert printed(text) == ["1: 0"]


@pytest.mark.processes
def test_consensus2_a_new_leader_fills_gaps_with_no_ops() -> None:
    """Up to the highest slot that any live server has accepted a new leader puts no-ops where nothing was."""
    text = (
        "start 3 2; skipSlots 0,2; sendMessage 0 a; sendMessage 1 b; crashServer 0; printChatLog 1; "
        "sendMessage 0 c"
    )
    assert printed(f"{text}; printChatLog 0") == ["1 0: a", "3 1: b", "1 0: a", "3 1: b", "4 0: c"]


@pytest.mark.processes
def test_consensus2_the_earliest_command_goes_first() -> None:
    """The leader gets the earliest command whose client has no earlier one undelivered."""
    text = (
        "start 3 3; skipSlots 0; sendMessage 2 a; sendMessage 2 b; sendMessage 0 c; sendMessage 1 d; "
        "crashServer 0"
    )
    assert printed(f"{text}; printChatLog 0") == ["1 2: a", "2 0: c", "3 1: d", "4 2: b"]


@pytest.mark.processes
def test_consensus2_the_same_bytes_whatever_the_seed() -> None:
    """Without free-running a scenario has one output, whatever the seed and the world."""
    outputs = [run_in("sim", f"start 3 3; lossRate 0.2; {STORY}", "--seed", seed) for seed in ("0", "12345")]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].printed) == 10


@pytest.mark.processes
def test_consensus2_free_running_only_all_clear_waits() -> None:
    """Free-running, heartbeats and time-outs rule, commands return at once, and only allClear waits."""
    typed = Typed(free_running=True)
    assert typed.type("start 3 1; sendMessage 0 a; printChatLog 0") == []
    assert typed.type("allClear; printChatLog 0") == ["0 0: a"]
    assert typed.type("crashServer 0; sendMessage 0 b; printChatLog 0") == ["0 0: a"]
    assert typed.type("allClear; printChatLog 0") == ["0 0: a", "1 0: b"]


# Time bombs.


@pytest.mark.processes
@pytest.mark.parametrize("count", range(9))
def test_consensus2_a_time_bomb_in_every_place(count: int) -> None:
    """Wherever between two messages a bomb kills the leader, the message is in the log once."""
    text = f"start 3 2; timeBombLeader {count}; sendMessage 1 hi; printChatLog 0; printChatLog 1"
    assert printed(text) == ["0 1: hi", "0 1: hi"]
    assert leader_after(text) == (1 if count <= 4 else 0)
    again = f"{text}; sendMessage 0 again; printChatLog 1"
    assert printed(again)[2:] == ["0 1: hi", "1 0: again"]
    assert leader_after(again) == (1 if count <= 8 else 0)


@pytest.mark.processes
@pytest.mark.parametrize(("servers", "dead"), [(1, 0), (2, 0), (3, 1), (5, 0), (5, 2), (7, 0)])
def test_consensus2_a_slot_costs_two_messages_for_each_other_server(servers: int, dead: int) -> None:
    """A slot costs the leader 2(N-1) messages, to dead servers too, and a bomb counts them and no others."""
    cost = 2 * (servers - 1)
    down = "".join(f"; crashServer {servers - 1 - server}" for server in range(dead))
    text = f"start {servers} 1{down}; timeBombLeader {{}}; sendMessage 0 a; sendMessage 0 b"
    for count in {cost, 2 * cost} - {0}:
        assert leader_after(text.format(count)) == 1 % servers or servers - dead - 1 <= servers // 2
        assert leader_after(text.format(2 * cost + 1)) == 0
    one = f"start {servers} 1{down}; timeBombLeader {cost + 1}; sendMessage 0 a; printChatLog 0"
    assert printed(one) == ["0 0: a"]
    assert leader_after(one) == 0


@pytest.mark.processes
def test_consensus2_accepts_go_out_by_ascending_id() -> None:
    """A leader sends its Accepts by ascending id, and hears answers only when all are out."""
    text = (
        "startLocks 3 2; crashServer {}; timeBombLeader {}; lock 0 1; crashClient 0; restartServer {}; "
        "printLocks"
    )
    assert printed(text.format(1, 1, 1)) == []  # to server 1, which is dead
    assert printed(text.format(1, 2, 1)) == ["1: 0"]  # to server 2 as well
    assert printed(text.format(2, 1, 2)) == ["1: 0"]  # to server 1, which is alive


@pytest.mark.processes
def test_consensus2_clients_are_told_before_the_first_decide() -> None:
    """Once a slot is decided the clients are told, and only then the other servers."""
    dead = "crashServer 1; crashServer 2; printChatLog 0"
    assert printed(f"start 3 1; timeBombLeader 3; sendMessage 0 a; {dead}") == ["0 0: a"]
    told = (
        "startLocks 3 1; crashServer 1; timeBombLeader 2; lock 0 1; printLocks; crashServer 2; "
        "restartServer 0; restartServer 1; printLocks"
    )
    assert printed(told) == ["1: 0"], "two Accepts were sent, and no answer heard: nobody was told"


@pytest.mark.processes
def test_consensus2_a_bomb_of_zero_goes_off_at_once() -> None:
    """timeBombLeader 0 kills the leader at once."""
    done = run_in_both(
        "start 3 1; timeBombLeader 0; crashServer 0; restartServer 0; sendMessage 0 a; printChatLog 0"
    )
    assert (done.printed, done.lines) == (["0 0: a"], [3])


@pytest.mark.processes
def test_consensus2_a_second_bomb_replaces_the_first() -> None:
    """A second bomb replaces the first one."""
    skip = "sendMessage 0 a; skipSlots 1; sendMessage 0 b; printChatLog 0"
    assert printed(f"start 3 1; timeBombLeader 1; timeBombLeader 9; {skip}") == ["0 0: a"]
    done = run_in_both("start 3 1; timeBombLeader 9; timeBombLeader 1; sendMessage 0 a; crashServer 0")
    assert done.lines == [5]


@pytest.mark.processes
def test_consensus2_a_bomb_belongs_to_its_leader() -> None:
    """A bomb is gone when its leader dies in another way, and the next leader has none."""
    text = (
        "start 3 1; timeBombLeader 1; crashServer 0; sendMessage 0 a; sendMessage 0 b; "
        "restartServer 0; crashServer 2"
    )
    assert printed(f"{text}; sendMessage 0 c; printChatLog 0") == ["0 0: a", "1 0: b", "2 0: c"]
    assert leader_after(text) == 1


@pytest.mark.processes
def test_consensus2_a_bomb_needs_a_leader() -> None:
    """A bomb without a live leader, or of less than no messages, is off."""
    done = run_in_both(
        "start 3 1; timeBombLeader -1; crashServer 0; crashServer 1; timeBombLeader 1; timeBombLeader 0"
    )
    assert done.lines == [2, 5, 6]


@pytest.mark.processes
def test_consensus2_bombs_do_not_tick_at_rest() -> None:
    """While all is at rest, and while others catch up, no bomb ticks."""
    text = (
        "start 3 1; sendMessage 0 a; crashServer 1; timeBombLeader 1; restartServer 1; allClear; "
        "wait 50; crashServer 0"
    )
    assert printed(text) == []


@pytest.mark.processes
def test_consensus2_what_is_sent_again_does_not_count() -> None:
    """Accepts and Decides count for a bomb only when they are sent first, and not when an answer was lost."""
    text = "start 3 1; lossRate 0.9; timeBombLeader 5; sendMessage 0 a"
    for seed in range(6):
        typed = Typed(seed=seed)
        typed.type(text)
        assert typed.run.system.pace.leader == 0, seed  # type: ignore[union-attr]
    assert run_in("processes", f"{text}; crashServer 0; restartServer 0").said == []


@pytest.mark.processes
@pytest.mark.parametrize(
    "rates", ["lossRate 0.5", "duplicateRate 0.9; delayUpTo 30", "reorderRate 0.9; lossRate 0.5"]
)
def test_consensus2_what_a_leader_with_a_bomb_sends_arrives(rates: str) -> None:
    """What a leader with a bomb sends is never lost, doubled or late, whether the faults or the bomb came
    first."""
    lock = "lock 0 1; crashClient 0; restartServer 1; printLocks"
    for count, expected in ((1, []), (2, ["1: 0"])):
        assert printed(f"startLocks 3 1; crashServer 1; timeBombLeader {count}; {lock}") == expected
        for order in (f"{rates}; timeBombLeader {count}", f"timeBombLeader {count}; {rates}"):
            text = f"startLocks 3 1; crashServer 1; {order}; {lock}"
            assert run_in("processes", text).printed == expected
            for seed in range(4):
                assert run_in("sim", text, "--seed", str(seed)).printed == expected


# Skipped slots.


@pytest.mark.processes
def test_consensus2_lists_of_skipped_slots_add_up() -> None:
    """Lists of slots to be skipped add up."""
    text = (
        "start 3 3; skipSlots 0; skipSlots 2,1; sendMessage 0 a; sendMessage 1 b; crashServer 0; "
        "printChatLog 0"
    )
    assert printed(text) == ["3 0: a", "4 1: b"]


@pytest.mark.processes
def test_consensus2_skipped_slots_die_with_their_leader() -> None:
    """A list of slots is for the present leader, and dies with it."""
    text = "start 3 1; skipSlots 1,2; crashServer 0; sendMessage 0 a; sendMessage 0 b; printChatLog 0"
    assert printed(text) == ["0 0: a", "1 0: b"]
    assert printed(text.replace("crashServer 0", "timeBombLeader 0")) == ["0 0: a", "1 0: b"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("items", "off", "next_slots"),
    [
        ("1", False, (2, 3)), ("0,1", True, (2, 3)), ("2,1,1", False, (3, 4)), ("1,3", False, (2, 4)),
        ("1,,2", True, (1, 2)), ("1,", True, (1, 2)), (",1", True, (1, 2)), ("1,x", True, (1, 2)),
        ("1,-1", True, (1, 2)), ("0", True, (1, 2)), ("1, 2", True, (1, 2)), ("0,0,1", True, (2, 3)),
    ],
)  # fmt: skip
def test_consensus2_slots_that_are_used_are_refused(
    items: str, off: bool, next_slots: tuple[int, int]
) -> None:
    """Slots up to the highest that is used are refused in one line and the others count; a list with an item
    that is no slot counts for nothing."""
    text = (
        f"start 3 3; sendMessage 0 a; skipSlots {items}; sendMessage 0 b; sendMessage 1 c; "
        f"crashServer 0; printChatLog 0"
    )
    done = run_in_both(text)
    assert set(done.lines) == ({3} if off else set())
    assert done.printed == ["0 0: a", f"{next_slots[0]} 0: b", f"{next_slots[1]} 1: c"]


@pytest.mark.processes
def test_consensus2_slots_that_were_found_are_refused() -> None:
    """A new leader refuses to skip what it has found when it took over."""
    text = (
        "start 3 2; skipSlots 0; sendMessage 0 a; crashServer 0; skipSlots 0,1,3; sendMessage 1 b; "
        "sendMessage 0 c"
    )
    done = run_in_both(f"{text}; printChatLog 0")
    assert (done.printed, done.lines) == (["1 0: a", "2 1: b"], [5])
    assert done.said[0].endswith("used already, and so not left empty: 0, 1")


@pytest.mark.processes
def test_consensus2_skipping_needs_a_leader() -> None:
    """Without a live leader nothing is skipped, and the line is off."""
    done = run_in_both(
        "start 3 1; crashServer 0; crashServer 1; skipSlots 0; restartServer 0; sendMessage 0 a; "
        "printChatLog 0"
    )
    assert (done.printed, done.lines) == (["0 0: a"], [4])


@pytest.mark.processes
def test_consensus2_a_window_of_a_thousand_slots() -> None:
    """Before a message would get a slot 1,000 above the first undecided one the leader fills its skipped
    slots with no-ops, each at the usual cost."""
    many = ",".join(map(str, range(1000)))
    fewer = many.removesuffix(",999")
    assert printed(f"start 3 2; skipSlots {many}; sendMessage 0 a; printChatLog 0") == ["1000 0: a"]
    text = f"start 3 2; skipSlots {fewer}; sendMessage 0 a; printChatLog 0; sendMessage 1 b; printChatLog 0"
    assert printed(text) == ["999 0: a", "1000 1: b"], "999 is within; 1000 is not, and the first comes free"
    # The bomb goes off after the first Accept of slot 2: server 1 finds no-ops in 0 to 2, and has no list.
    bomb = f"start 3 2; skipSlots {many}; timeBombLeader 9; sendMessage 0 a; printChatLog 0"
    assert printed(bomb) == ["3 0: a"]


@pytest.mark.processes
def test_consensus2_free_running_bombs_go_to_the_leader() -> None:
    """Free-running, bombs and skips go to the leader that the highest ballot names."""
    for world in WORLDS:
        text = "start 3 1; timeBombLeader 0; restartServer 0; sendMessage 0 a; allClear; printChatLog 0"
        done = run_in(world, text, "--free-running")
        assert (done.printed, done.said, done.status) == (["0 0: a"], [], 0)
        done = run_in(
            world, "start 3 1; skipSlots 0,1; sendMessage 0 a; allClear; printChatLog 0", "--free-running"
        )
        assert (done.printed, done.said) == ([], [])
