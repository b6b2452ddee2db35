"""`bayou serve`: servers that last, as real processes (spec: first and later starts, identity,
connections)."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.host.caller import CallFailed
from bayou.node.messages import NO_ROOM, OK
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers

pytestmark = pytest.mark.processes


def test_three_servers_join_write_and_agree(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        servers.start_all()
        assert {server.cluster for server in servers.all} == {servers[0].cluster}
        assert len({server.called for server in servers.all}) == 3
        assert servers[0].called == "<>"
        for at, server in enumerate(servers.all):
            assert server.put(f"key-{at}", f"value-{at}").verdict == OK
        servers.wait_level()
        for server in servers.all:
            assert [server.get(f"key-{at}") for at in range(3)] == ["value-0", "value-1", "value-2"]
        assert [server.stop() for server in servers.all] == [0, 0, 0]


def test_a_later_start_goes_on_as_the_same_server(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        assert servers[1].put("kept", "yes").verdict == OK
        servers.wait_level()
        names, clusters = (
            [server.called for server in servers.all],
            [server.cluster for server in servers.all],
        )
        assert [server.stop(signal.SIGINT) for server in servers.all] == [0, 0]
        for server in servers.all:
            server.start()  # without --join: the file says who it is, and where the others are
        assert [server.called for server in servers.all] == names
        assert [server.cluster for server in servers.all] == clusters
        assert servers[0].get("kept") == servers[1].get("kept") == "yes"
        assert servers[0].put("after", "too").verdict == OK
        servers.wait_level()
        assert servers[1].get("after") == "too"


def test_killed_at_once_it_has_all_that_it_acknowledged(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        for round in range(3):
            assert servers[1].put(f"round-{round}", "there").verdict == OK
            servers[1].kill()
            assert servers[0].put(f"meanwhile-{round}", "there").verdict == OK
            servers[1].start()
            assert servers[1].get(f"round-{round}") == "there"
        servers.wait_level()
        for server in servers.all:
            assert all(
                server.get(f"{key}-{at}") == "there" for at in range(3) for key in ("round", "meanwhile")
            )
        assert servers[1].told().count(" named ") == 1


def test_another_secret_is_no_way_in(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        servers[1].secret.write_text("ab" * 32 + "\n")
        servers[1].secret.chmod(0o600)
        with pytest.raises(CallFailed, match="is the secret the same there"):
            servers[0].call(servers[1].secret)
        servers[1].start("--join", servers[0].address, is_awaited=False)
        servers[1].wait_told("is the secret the same at both ends?")
        assert "does not know the secret" in servers[0].told()
        assert servers[1].stop() == 0
        assert servers[1].lines() == ""
        shutil.copy(servers[0].secret, servers[1].secret)
        servers[1].start("--join", servers[0].address)
        assert servers[1].cluster == servers[0].cluster


def test_a_copied_file_is_turned_away(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        servers[0].start()
        servers[1].start("--join", servers[0].address)
        assert servers[1].stop() == 0
        shutil.copy(servers[1].data, servers[2].data)
        servers[2].start(is_awaited=False)
        assert servers[2].wait() == 65
        assert "was copied" in servers[2].told()
        servers[1].start()
        servers[0].wait_told('connected peer="server <1', 2)
        servers[2].start("--moved", is_awaited=False)
        servers[2].wait_told("copies of one file")
        assert servers[2].process is not None
        assert servers[0].put("still", "served").verdict == OK
        wait_until(lambda: servers[1].get("still") == "served", PATIENCE_S)


def test_servers_of_two_clusters_keep_apart(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        shutil.copy(servers[0].secret, servers[1].secret)
        servers[1].start()
        assert servers[0].cluster != servers[1].cluster
        assert servers[1].stop() == 0
        servers[1].start("--join", servers[0].address)
        servers[1].wait_told("belongs to the cluster")
        assert servers[0].put("mine", "alone").verdict == OK
        assert servers[1].get("mine") is None


def test_a_server_is_found_again_at_another_address(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        servers.start_all()
        servers.wait_level()
        moved = Served(tmp_path, "b")
        assert servers[1].stop() == 0
        servers.all[1] = moved.start()
        assert moved.put("from", "elsewhere").verdict == OK
        servers.wait_level()
        assert servers[2].get("from") == "elsewhere"
        assert servers[2].stop() == 0
        servers[2].start()
        assert servers[0].put("later", "too").verdict == OK
        servers.wait_level()
        assert servers[2].get("later") == "too"


def test_over_ipv6(tmp_path: Path) -> None:
    with Servers(tmp_path, 2, "::1") as servers:
        servers.start_all()
        assert servers[0].put("six", "yes").verdict == OK
        servers.wait_level()
        assert servers[1].get("six") == "yes"
        assert f"serving [::1]:{servers[1].port} " in servers[1].lines()


def test_it_stops_when_its_neighbours_have_all(tmp_path: Path) -> None:
    """Without that last exchange a period would pass before the other one asks."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all("--period", "1000")
        assert servers[1].put("last", "word").verdict == OK
        assert servers[1].stop() == 0
        assert servers[0].get("last") == "word"
        assert servers[1].told().count(" stops") == 1


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """The neighbour is stopped, so that it never pulls: the first signal waits for it, the second does
    not."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all("--period", "1000")
        servers.wait_level()
        other = servers[0].process
        assert other is not None
        other.send_signal(signal.SIGSTOP)
        try:
            assert servers[1].put("unheard", "yes").verdict == OK
            process = servers[1].process
            assert process is not None
            process.send_signal(signal.SIGTERM)
            servers[1].wait_told(" stops")
            process.send_signal(signal.SIGTERM)
            assert servers[1].wait() == -signal.SIGTERM
        finally:
            other.send_signal(signal.SIGCONT)
        servers[1].start()
        assert servers[1].get("unheard") == "yes"
        wait_until(lambda: servers[0].get("unheard") == "yes", PATIENCE_S)


def test_alone_after_a_kill_it_goes_on_after_a_while(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        assert servers[0].put("before", "it").verdict == OK
        servers[0].kill()
        servers[0].start()
        assert servers[0].put("after", "it").verdict == OK  # it waits, and is not refused
        told = servers[0].told()
        assert told.index(" waits ") < told.index("nobody is there to ask")
        assert servers[0].get("before") == "it"
        assert servers[0].stop() == 0
        servers[0].start()
        assert servers[0].told().count(" waits ") == 1


def test_an_older_copy_of_the_file_has_lost_its_memory(tmp_path: Path) -> None:
    """What others heard of it shows that; nothing is given out twice, and it ends with what to do."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        assert servers[1].stop() == 0
        older = tmp_path / "older"
        shutil.copy(servers[1].data, older)
        servers[1].start()
        assert servers[1].put("newer", "write").verdict == OK
        servers.wait_level()
        servers[1].kill()
        assert servers[0].stop() == 0
        servers[0].start()
        for path in tmp_path.glob("b.bayou*"):
            if path not in (servers[1].secret, tmp_path / "b.bayou-lock"):
                path.unlink()
        shutil.copy(older, servers[1].data)
        servers[1].start("--moved", is_awaited=False)
        assert servers[1].wait() == 65
        assert "b.bayou-lock knows of" in servers[1].told()
        (tmp_path / "b.bayou-lock").unlink()
        servers[1].start("--moved", is_awaited=False)
        assert servers[1].wait() == 65
        assert "knows of what it accepted from stamp" in servers[1].told()
        assert "bayou rejoin" in servers[1].told()
        assert servers[0].get("newer") == "write"


def test_one_that_has_not_joined_yet_goes_on_joining(tmp_path: Path) -> None:
    """The one to join is not there at first; the newcomer is killed while it looks for it."""
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        shutil.copy(servers[0].secret, servers[1].secret)
        assert servers[0].stop() == 0
        for _ in range(2):
            servers[1].start("--join", servers[0].address, is_awaited=False)
            servers[1].wait_told("unreachable", 1)
            assert servers[1].lines() == ""
            servers[1].kill()
        servers[1].start("--join", servers[0].address, is_awaited=False)
        servers[0].start()
        wait_until(lambda: "serving " in servers[1].lines(), PATIENCE_S)
        servers.wait_level()
        assert servers[0].position().csn == 1  # one creation write for all that


def test_a_server_retires_for_good(tmp_path: Path) -> None:
    with Servers(tmp_path, 3) as servers:
        servers.start_all()
        servers.wait_level()
        gone = servers[1].called
        assert servers[1].put("left", "behind").verdict == OK
        done = servers[1].ask("retire")
        assert (done.returncode, done.stdout) == (0, "it has left\n"), done.stderr
        assert servers[1].wait() == 0
        assert not servers[1].data.exists()
        assert (tmp_path / "b.bayou.retired").exists()
        servers.wait_level()
        assert servers[0].get("left") == servers[2].get("left") == "behind"
        listed = servers[0].ask("position").stdout
        assert gone not in listed
        assert servers[2].called in listed
        wait_until(lambda: gone not in servers[2].ask("stats").stdout, PATIENCE_S)


def test_the_primary_retires_and_another_commits(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        assert servers[0].ask("retire").returncode == 0
        assert servers[0].wait() == 0
        assert servers[1].put("now", "mine").verdict == OK
        stats = servers[1].stats()
        assert stats["primary"] == servers[1].called
        assert stats["tentative"] == "0"


def test_nobody_to_hand_over_to(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        done = servers[0].ask("retire")
        assert done.returncode == 1
        assert "no other server is connected" in done.stderr
        assert servers[0].put("still", "here").verdict == OK


def test_no_room_for_writes(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        assert servers[1].put("before", "it").verdict == OK
        servers.wait_level()
        assert servers[1].stop() == 0
        servers[1].start("--min-free", str(1 << 49))
        servers[1].wait_told(NO_ROOM)
        assert servers[1].put("more", "of it").verdict == NO_ROOM
        assert servers[1].get("before") == "it"
        assert servers[0].put("elsewhere", "yes").verdict == OK
        servers[0].wait_told("connected", 3)
        assert servers[1].stats()["full"] == "yes"
        assert servers[1].get("elsewhere") is None
        assert servers[1].stop() == 0
        servers[1].start()
        servers.wait_level()
        assert servers[1].get("elsewhere") == "yes"
        assert servers[1].get("more") is None


def test_two_processes_on_one_file(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        again = Served(tmp_path, "a")
        again.start(is_awaited=False)
        assert again.wait() == 75
        assert servers[0].put("still", "served").verdict == OK


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        taken = Served(tmp_path, "b", port=servers[0].port)
        taken.start(is_awaited=False)
        assert taken.wait() == 1
        assert f"can't listen at {servers[0].address}" in taken.told()


def test_a_signal_while_python_clears_up_does_not_change_the_exit_status(tmp_path: Path) -> None:
    """A server that has retired ends by itself, and systemd may be told to stop it in that very moment."""
    program = (
        "import signal\n"
        "from bayou.serving.serve import serve\n"
        f"serve(['--data', {str(tmp_path / 'no' / 'such.bayou')!r}])\n"
        "print([signal.getsignal(each).name for each in (signal.SIGINT, signal.SIGTERM)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "['SIG_IGN', 'SIG_IGN']\n", done.stderr
