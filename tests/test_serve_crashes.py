"""Servers that last in bad luck: killed while they join, with no room left on the disk, far behind, or found
only by the name of their host."""

from __future__ import annotations

import random
import resource
import shutil
import time
from pathlib import Path

import pytest

from bayou.host.caller import CallFailed
from bayou.node.messages import OK
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers, bayou

pytestmark = pytest.mark.processes


def test_a_newcomer_that_is_killed_again_and_again_gets_one_name(tmp_path: Path) -> None:
    """Whenever it is killed: a name that is given and never used would stay in every vector for ever."""
    rng = random.Random(5)
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        with servers[0].session() as session:
            for at in range(300):
                assert session.put(f"key-{at}", "x" * 2000).verdict == OK
        shutil.copy(servers[0].secret, servers[1].secret)
        kills = 0
        while not servers[1].lines():
            servers[1].start("--join", servers[0].address, is_awaited=False)
            wait_until(lambda: servers[1].data.exists() or servers[1].has_ended, PATIENCE_S)
            _wait_at_most(0.03 * kills * rng.uniform(0.5, 1), servers[1])
            servers[1].kill()
            kills += 1
            assert kills < 200
        assert kills > 1
        servers[1].start()
        servers.wait_level()
        assert servers[0].position().csn == 301
        assert servers[1].get("key-299") == "x" * 2000


def _wait_at_most(seconds: float, server: Served) -> None:
    """Wait for so long, or until that server serves."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until or server.lines(), PATIENCE_S)


def test_a_newcomer_receives_the_base_where_the_log_is_gone(tmp_path: Path) -> None:
    """And one that was away for long, what has changed since; deleted rows stay deleted."""
    keep = ("--keep-writes", "10")
    with Servers(tmp_path, 3) as servers:
        servers[0].start(*keep)
        with servers[0].session() as session:
            for at in range(200):
                assert session.put(f"key-{at % 50}", f"value-{at}").verdict == OK
        wait_until(lambda: _counted(servers[0], "log_entries") <= 10, PATIENCE_S)
        servers[1].start("--join", servers[0].address, *keep)
        assert [servers[1].get(f"key-{at}") for at in (0, 49)] == ["value-150", "value-199"]
        servers.wait_level()
        assert servers[1].stop() == 0
        with servers[0].session() as session:
            for at in range(100):
                assert session.put(f"later-{at % 20}", f"value-{at}").verdict == OK
        wait_until(lambda: _counted(servers[0], "log_entries") <= 10, PATIENCE_S)
        servers[1].start(*keep)
        servers.wait_level()
        assert servers[1].get("later-19") == "value-99"
        servers[2].start("--join", servers[1].address)
        servers.wait_level()
        assert servers[2].get("key-0") == "value-150"


def _counted(server: Served, what: str) -> int:
    return int(server.stats()[what])


def test_where_the_disk_takes_no_more_it_ends_and_tells_nothing_else(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that is full."""
    with Servers(tmp_path, 1) as servers:
        servers[0].start(limits={resource.RLIMIT_FSIZE: 400_000})
        kept = []
        with servers[0].session() as session:
            try:
                for at in range(1000):
                    assert session.put(f"key-{at}", "x" * 4000).verdict == OK
                    kept.append(at)
            except CallFailed:
                pass
        assert servers[0].wait() == 74
        assert 10 < len(kept) < 200
        told = servers[0].told().splitlines()[-1]
        assert "a.bayou" in told
        assert "status=74" in told
        servers[0].start()
        with servers[0].session() as session:
            assert all(session.get(f"key-{at}") == "x" * 4000 for at in kept)
            assert session.put("more", "of it").verdict == OK


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        assert servers[0].put("key", "a value that stands in the file").verdict == OK
        assert servers[0].stop() == 0
        content = bytearray(servers[0].data.read_bytes())
        at = content.index(b"a value that stands")
        content[at] ^= 1
        with servers[0].data.open("r+b") as file:
            file.write(content)
        servers[0].start(is_awaited=False)
        try:
            with servers[0].session() as session:
                session.get("key")
        except CallFailed:
            pass
        assert servers[0].wait() == 65
        assert "bayou doctor" in servers[0].told()


def test_servers_find_each_other_by_the_names_of_hosts(tmp_path: Path) -> None:
    with Servers(tmp_path, 2) as servers:
        servers[0].start("--advertise", f"localhost:{servers[0].port}")
        shutil.copy(servers[0].secret, servers[1].secret)
        servers[1].start("--join", "no-such-host.invalid:7474", "--join", f"localhost:{servers[0].port}")
        servers[1].wait_told("nobody knows the host 'no-such-host.invalid'")
        assert servers[1].put("by", "name").verdict == OK
        servers.wait_level()
        assert servers[1].stop() == 0
        servers[1].start()  # by what the other one had told
        servers.wait_level()
        assert "localhost" in servers[1].ask("stats").stdout


def test_a_server_that_nobody_can_dial_dials_itself(tmp_path: Path) -> None:
    """It listens where the others can't reach it; they are told no address of it that would do."""
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        shutil.copy(servers[0].secret, servers[1].secret)
        hidden = Served(tmp_path, "b", "0.0.0.0")
        servers.all[1] = hidden
        hidden.start("--join", servers[0].address)
        assert "no address" in hidden.told()
        assert hidden.put("behind", "walls").verdict == OK
        servers.wait_level()
        assert f"address {hidden.called} none" in servers[0].ask("stats").stdout
        servers[0].kill()
        servers[0].start()
        servers.wait_level()


def test_the_usage_of_wrong_addresses(tmp_path: Path) -> None:
    for option in ("--listen", "--advertise", "--join", "--metrics"):
        done = bayou("serve", "--data", "x", option, "::1:7474", cwd=tmp_path)
        assert done.returncode == 2
        assert "goes in brackets" in done.stderr
    assert not list(tmp_path.iterdir())
