"""Part 2: the twelve commands, and what they print."""

from __future__ import annotations

import pytest

from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes, text
from tests.processes import Master, run_master

ONE = "joinServer 0; joinClient 9 0; "


# Ids and fields.


def test_part2_ids_are_any_integers_with_gaps() -> None:
    """Ids may be any integers, negative ones too, in any order and with gaps."""
    steps = "joinServer 70; joinServer -5; joinClient 12345678901234567890 -5; put 12345678901234567890 a b"
    assert printed(f"{steps}; printLog 70; printLog -5") == ["PUT:(a, b):TRUE"] * 2


def test_part2_fields_are_separated_by_white_space() -> None:
    """Any number of blanks and tabs may stand between two fields."""
    assert printed("joinServer\t0; joinClient  9 \t 0; put 9\ta   b; get \t9\t\ta") == ["a:b"]


# The commands.


def test_part2_the_first_server_to_join_is_the_primary() -> None:
    """The first server commits what it accepts, whatever its id; the others do not."""
    steps = "joinServer 5; joinServer 1; joinClient 8 5; joinClient 9 1; pause; put 8 a b; put 9 c d"
    assert printed(f"{steps}; printLog 5; printLog 1") == ["PUT:(a, b):TRUE", "PUT:(c, d):FALSE"]


def test_part2_a_new_server_is_connected_to_every_server() -> None:
    """A server that joins can exchange writes with each of the others directly."""
    apart = TRIO + "breakConnection 0 1; breakConnection 0 2; breakConnection 1 2; joinServer 3; "
    for other in (0, 1):
        # Without server 3 connected to both, what client 9 puts would stay on server 2.
        assert printed(f"{apart}breakConnection 3 {1 - other}; put 9 a b; get {7 + other} a") == ["a:b"]


def test_part2_join_server_blocks_until_it_has_what_its_creator_has() -> None:
    """When the line after joinServer runs, the new server has all that its creator had."""
    assert printed(ONE + "put 9 a b; put 9 c d; joinServer 1; joinClient 8 1; get 8 a; printLog 1") == [
        "a:b",
        "PUT:(a, b):TRUE",
        "PUT:(c, d):TRUE",
    ]


def test_part2_a_retiring_server_hands_its_writes_to_another_one() -> None:
    """What only the retired server had is on another server afterwards."""
    assert printed(PAIR + "pause; put 9 a b; retireServer 1; printLog 0") == ["PUT:(a, b):TRUE"]


def test_part2_a_retiring_primary_hands_its_duty_over() -> None:
    """When the primary has retired another server commits."""
    assert printed(PAIR + "retireServer 0; put 9 a b; printLog 1") == ["PUT:(a, b):TRUE"]


def test_part2_a_new_client_is_connected_to_its_server() -> None:
    """A client that has joined talks to the server named, and to no other."""
    assert printed(PAIR + "pause; put 9 a b; joinClient 6 1; joinClient 5 0; get 6 a; get 5 a") == [
        "a:b",
        "a:ERR_KEY",
    ]


@pytest.mark.parametrize("ends", ["0 1", "1 0"])
def test_part2_break_connection_cuts_two_servers_apart(ends: str) -> None:
    """Servers that were cut apart exchange nothing, in whichever order the two are named."""
    assert printed(PAIR + f"breakConnection {ends}; put 8 a b; get 9 a; printLog 1") == ["a:ERR_KEY"]


@pytest.mark.parametrize("ends", ["8 0", "0 8"])
def test_part2_break_connection_cuts_a_client_off(ends: str) -> None:
    """A client that was cut off has no server, in whichever order the two are named."""
    done = run_master(text(PAIR + f"breakConnection {ends}; get 8 a; get 9 a"), "--world", "sim")
    assert done.stdout == b"a:ERR_KEY\n"
    assert b"client 8 has no server" in done.stderr


@pytest.mark.parametrize("ends", ["0 1", "1 0"])
def test_part2_restore_connection_mends_two_servers(ends: str) -> None:
    """Servers that are connected again exchange all that happened while they were apart."""
    steps = "breakConnection 0 1; put 8 a b; put 9 c d; restoreConnection "
    assert printed(PAIR + steps + f"{ends}; get 9 a; get 8 c") == ["a:b", "c:d"]


@pytest.mark.parametrize("ends", ["8 1", "1 8"])
def test_part2_restore_connection_gives_a_client_another_server(ends: str) -> None:
    """A client talks to the server that it was connected to last, even if it was not cut off before."""
    assert printed(PAIR + f"pause; put 9 a b; restoreConnection {ends}; get 8 a") == ["a:b"]


def test_part2_pause_stops_anti_entropy_everywhere() -> None:
    """While paused no server learns anything from another."""
    assert printed(TRIO + "pause; put 7 a b; get 8 a; get 9 a; printLog 1; printLog 2") == ["a:ERR_KEY"] * 2


def test_part2_start_lets_anti_entropy_go_on() -> None:
    """After start everything that was held back reaches everybody."""
    assert printed(TRIO + "pause; put 8 a b; start; get 7 a; get 9 a") == ["a:b", "a:b"]


def test_part2_stabilize_lets_every_value_reach_every_server_it_can() -> None:
    """After stabilize a value is wherever a chain of connected servers leads, and nowhere else."""
    line = (
        TRIO + "joinServer 3; joinClient 6 3; breakConnection 0 2; breakConnection 3 0; breakConnection 3 1; "
    )
    assert printed(line + "breakConnection 3 2; put 7 a b; stabilize; get 9 a; get 6 a") == [
        "a:b",
        "a:ERR_KEY",
    ]


def test_part2_put_delete_and_get_change_and_read_the_clients_server() -> None:
    """Put and delete act at once on the server that the client talks to, and get reads it."""
    assert printed(PAIR + "pause; put 9 a b; get 9 a; get 8 a; delete 9 a; get 9 a") == [
        "a:b",
        "a:ERR_KEY",
        "a:ERR_KEY",
    ]


# What they print.


def test_part2_print_log_shows_puts_and_deletes() -> None:
    """A log is printed with a line for each put and delete, in exactly this form."""
    assert printed(PAIR + "put 8 song url; delete 8 song; pause; put 9 x y; delete 9 x; printLog 1") == [
        "PUT:(song, url):TRUE",
        "DELETE:(song):TRUE",
        "PUT:(x, y):FALSE",
        "DELETE:(x):FALSE",
    ]


def test_part2_print_log_of_an_empty_log_prints_nothing() -> None:
    """The log of a server that has seen no put and no delete prints as nothing."""
    assert printed("joinServer 0; printLog 0") == []


def test_part2_creations_and_retirements_are_not_printed() -> None:
    """Servers that come and go leave no line in any log."""
    assert printed(
        TRIO + "put 8 a b; retireServer 1; retireServer 0; joinServer 4; printLog 2; printLog 4"
    ) == [
        "PUT:(a, b):TRUE",
        "PUT:(a, b):TRUE",
    ]


def test_part2_true_means_committed() -> None:
    """A write is FALSE until the primary has committed it and the word of that has come, then TRUE."""
    steps = "breakConnection 0 1; put 9 a b; printLog 1; restoreConnection 0 1; printLog 1"
    assert printed(PAIR + steps) == ["PUT:(a, b):FALSE", "PUT:(a, b):TRUE"]


def test_part2_committed_writes_come_first_in_the_order_of_commitment() -> None:
    """A committed write stands where it was committed, before tentative ones, even those accepted earlier."""
    # Server 1 accepts a with stamp 3, server 0 commits b to d with stamps 3 to 5; a is committed last.
    apart = TRIO + "breakConnection 0 1; breakConnection 1 2; put 8 a 1; put 7 b 2; put 7 c 3; put 7 d 4; "
    assert printed(apart + "restoreConnection 0 1; printLog 2") == [
        "PUT:(b, 2):TRUE",
        "PUT:(c, 3):TRUE",
        "PUT:(d, 4):TRUE",
        "PUT:(a, 1):TRUE",
    ]


def test_part2_tentative_writes_come_in_accept_order() -> None:
    """Tentative writes stand in the order in which they were accepted, not in which they came."""
    # Stamps of server 1: a 3, b 4; of server 2: c 3, d 4. Server 1 is the older of the two.
    apart = TRIO + "breakConnection 0 1; breakConnection 0 2; breakConnection 1 2; put 8 a 1; put 8 b 2; "
    tentative = [f"PUT:({song}):FALSE" for song in ("a, 1", "c, 3", "b, 2", "d, 4")]
    steps = "put 9 c 3; put 9 d 4; restoreConnection 1 2; printLog 1; printLog 2"
    assert printed(apart + steps) == tentative * 2


def test_part2_a_get_of_a_known_song_prints_its_url() -> None:
    """A get of a song that the server has prints the song, a colon, and its URL."""
    assert printed(ONE + "put 9 song http://example.org:80/a; get 9 song") == ["song:http://example.org:80/a"]


def test_part2_a_get_of_an_unknown_song_prints_err_key() -> None:
    """A get of a song that the server does not have prints ERR_KEY in place of its URL."""
    assert printed(ONE + "get 9 song; put 9 song url; delete 9 song; get 9 song") == ["song:ERR_KEY"] * 2


def test_part2_a_get_that_breaks_a_guarantee_prints_err_dep() -> None:
    """A get on a server that has not seen what the session depends on prints ERR_DEP."""
    assert printed(PAIR + "put 8 a old; pause; put 8 a new; restoreConnection 8 1; get 8 a") == ["a:ERR_DEP"]


def test_part2_err_dep_goes_before_err_key() -> None:
    """Where a server lacks both the song and what the session depends on, ERR_DEP is printed."""
    assert printed(PAIR + "pause; put 8 a b; restoreConnection 8 1; get 8 unheard-of") == [
        "unheard-of:ERR_DEP"
    ]


def test_part2_a_refused_read_changes_nothing_in_the_session() -> None:
    """After a read that was refused the session may read and write wherever it could before."""
    # Client 8 is refused at server 1, which knows of c. Had it taken that up, server 0 would not do any more.
    steps = "pause; put 9 c d; put 8 a b; restoreConnection 8 1; get 8 c; restoreConnection 8 0; get 8 a; "
    assert printed(PAIR + steps + "put 8 e f; get 8 e") == ["c:ERR_DEP", "a:b", "e:f"]


def test_part2_a_read_that_found_nothing_counts_as_a_read() -> None:
    """A read that printed ERR_KEY binds the session to what the server knew, as any other read."""
    steps = "pause; put 9 a b; restoreConnection 8 1; get 8 nothing; restoreConnection 8 0; get 8 a"
    assert printed(PAIR + steps) == ["nothing:ERR_KEY", "a:ERR_DEP"]


@pytest.mark.parametrize("write", ["put 8 c d", "delete 8 a"])
def test_part2_a_write_that_breaks_a_guarantee_is_dropped_silently(write: str) -> None:
    """A put or delete that the server can't accept in this session leaves no trace and prints nothing."""
    steps = f"put 8 a b; pause; put 8 x y; restoreConnection 8 1; {write}; printLog 1"
    assert printed(PAIR + steps) == ["PUT:(a, b):TRUE"]


@pytest.mark.processes
def test_part2_the_output_is_the_same_on_processes() -> None:
    """Real processes print a log and the three answers of a get in the same form."""
    steps = "put 8 a b; pause; delete 8 a; put 9 c d; get 9 a; get 8 a; printLog 0; printLog 1; "
    assert printed_by_processes(PAIR + steps + "restoreConnection 8 1; get 8 a; put 8 e f; printLog 1") == [
        "a:b",
        "a:ERR_KEY",
        "PUT:(a, b):TRUE",
        "DELETE:(a):TRUE",
        "PUT:(a, b):TRUE",
        "PUT:(c, d):FALSE",
        "a:ERR_DEP",
        "PUT:(a, b):TRUE",
        "PUT:(c, d):FALSE",
    ]


@pytest.mark.processes
def test_part2_every_command_is_done_before_the_next_line_is_read() -> None:
    """What a command prints is there before the next line is given, so that one can converse with it."""
    with Master() as master:
        master.say("joinServer 0", "joinClient 9 0")
        assert master.ask("get 9 a") == "a:ERR_KEY"
        master.say("put 9 a b")
        assert master.ask("get 9 a") == "a:b"
        assert master.ask("printLog 0") == "PUT:(a, b):TRUE"
        assert master.end() == (0, "", "")
