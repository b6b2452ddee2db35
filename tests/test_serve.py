"""`bayou serve`: servers that last, as real processes (spec: first and later starts, identity,
connections)."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from bayou.host.caller import CallFailed
from bayou.node.messages import OK
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
        servers[1].start()
        servers[0].wait_told('connected peer="server <1', 2)
        servers[2].start("--join", servers[0].address, is_awaited=False)
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
