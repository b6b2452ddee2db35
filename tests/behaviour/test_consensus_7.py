"""Consensus, section 7: a cluster run by hand."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.consensus import WORLDS
from tests.clusters import Cluster, chat, texts
from tests.processes import wait_until


def run_all(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``bayou chat run`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bayou", "chat", "run", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.processes
def test_consensus7_a_configuration_is_written_with_a_secret(tmp_path: Path) -> None:
    """bayou chat config writes 2f+1 servers, from a port on, and a fresh secret in a file that only its owner
    reads."""
    secrets = []
    for name in ("a.json", "b.json"):
        done = chat("config", "-f", "2", "-o", name, "--host", "127.0.0.1", "--port", "9000", cwd=tmp_path)
        assert done.returncode == 0
        servers = json.loads((tmp_path / name).read_text())["servers"]
        assert [(each["id"], each["host"], each["port"]) for each in servers] == [
            (id, "127.0.0.1", 9000 + id) for id in range(5)
        ]
        secret = tmp_path / f"{name}-secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        secrets.append(secret.read_bytes())
    assert len(secrets[0]) >= 32
    assert secrets[0] != secrets[1]


@pytest.mark.processes
def test_consensus7_a_wrong_field_is_named_with_its_line(tmp_path: Path) -> None:
    """A configuration can be edited, and a wrong field is named with its line."""
    chat("config", "-f", "1", "-o", "cluster.json", cwd=tmp_path)
    path = tmp_path / "cluster.json"
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if '"port"' in line)
    lines[at] = lines[at].replace('"port": ', '"port": 7')
    path.write_text("\n".join(lines))
    for verb in (("serve", "--id", "0"), ("client",)):
        done = chat(verb[0], "--config", "cluster.json", *verb[1:], cwd=tmp_path)
        assert done.returncode == 2
        assert f"cluster.json:{at + 1}:".encode() in done.stderr
        assert b"port" in done.stderr


@pytest.mark.processes
def test_consensus7_servers_come_in_any_order(tmp_path: Path) -> None:
    """Servers are started in any order, server 0 leads where it comes in time, and the log and the views are
    shown on standard error."""
    with Cluster(tmp_path, "--timeout", "1") as cluster:
        for id in (2, 1, 0):
            cluster.start(id, is_awaited=False)
        assert cluster.say("hello") == cluster.view(1)
        assert cluster.leader() == 0
        cluster.wait_told(2, "slot 0: ")
        assert "server 0 leads" in cluster.told(2)


@pytest.mark.processes
def test_consensus7_state_is_always_durable(tmp_path: Path) -> None:
    """Whichever servers are killed, all of them even, nothing that was delivered is lost, and a server that
    is started again goes on from its disk."""
    with Cluster(tmp_path) as cluster:
        cluster.start_all()
        before = cluster.say("a", "b")
        for id in range(3):
            cluster.kill(id)
        cluster.start_all()
        assert cluster.view(2) == before
        wait_until(lambda: cluster.leader() is not None)
        leader = cluster.leader()
        assert leader is not None
        cluster.kill(leader)
        after = cluster.say("c")
        assert texts(after)[-1] == "c"
        cluster.start(leader)
        assert texts(cluster.view(3)) == ["a", "b", "c"]


@pytest.mark.processes
def test_consensus7_slots_that_server_0_skips(tmp_path: Path) -> None:
    """--skip-slots counts for server 0's first leadership only: the next leader puts no-ops there."""
    with Cluster(tmp_path, "--timeout", "1") as cluster:
        cluster.start(1)
        cluster.start(2, "--skip-slots", "0")
        cluster.start(0, "--skip-slots", "0,1")
        client = cluster.client()
        cluster.wait_told(1, "server 0 leads")
        client.type("held back")
        cluster.wait_told(1, "slot 2: ")
        assert client.view() == []
        cluster.kill(0)
        assert [line.split()[0] for line in client.wait_for(1)] == ["2"]
        assert client.end() == 0
        assert "no-op" in cluster.told(1) + cluster.told(2)
        assert "skip" in cluster.told(2)


@pytest.mark.processes
def test_consensus7_a_client_shows_its_view_as_it_grows(tmp_path: Path) -> None:
    """A client sends what is typed, or messages that it makes up, and prints the view as it grows, the same
    as everybody's."""
    with Cluster(tmp_path) as cluster:
        cluster.start_all()
        watcher = cluster.client()
        made_up = cluster.say(arguments=("--auto", "20"))
        assert len(made_up) == 20
        assert watcher.wait_for(20) == made_up
        watcher.type("typed")
        assert texts(watcher.wait_for(21))[-1] == "typed"
        slots = [int(line.split()[0]) for line in watcher.view()]
        assert slots == sorted(set(slots))


@pytest.mark.processes
@pytest.mark.parametrize("world", WORLDS)
def test_consensus7_all_at_once_ends_by_comparing_all_logs(world: str) -> None:
    """bayou chat run runs servers and clients at once, kills the leader as often as it is told to, and ends
    by comparing all logs."""
    options = ("-f", "1", "--clients", "4", "--messages", "40", "--loss", "0.05", "--timeout", "0.1")
    done = run_all(*options, "--skip-slots", "1,2", "--kill-leader", "2", "--world", world)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    counts = {words.rsplit(" ", 1)[0]: words.rsplit(" ", 1)[1] for words in line.split(", ")[:4]}
    assert line.endswith(", all logs equal")
    assert counts["messages"] == "40"
    assert int(counts["slots"]) >= 42
    assert int(counts["no-ops"]) >= 2
    assert int(counts["view changes"]) >= 2


def test_consensus7_a_simulated_run_can_be_had_again() -> None:
    """Simulated, bayou chat run prints the same for the same seed."""
    options = (
        "--clients",
        "3",
        "--messages",
        "30",
        "--loss",
        "0.2",
        "--kill-leader",
        "3",
        "--world",
        "sim",
        "--seed",
    )
    first, second = (run_all(*options, "9") for _ in range(2))
    assert (first.returncode, first.stdout) == (0, second.stdout)
