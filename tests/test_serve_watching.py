"""What a server that lasts tells of itself: its log, /metrics, /live and /ready, and `bayou stats`."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bayou.core.name import ROOT
from bayou.core.past import Base, BasePosition, Chunk
from bayou.core.vector import VersionVector
from bayou.machine.effects import Effects, Received, Tick
from bayou.node.messages import OK, BaseRows
from bayou.serving.log import Log
from bayou.serving.metrics import Metrics
from tests.clusters import free_ports
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served, Servers

# The log.


def test_lines_for_people_and_for_programs() -> None:
    said: list[str] = []

    def say(line: str) -> bool:
        said.append(line)
        return True

    Log(say=say).tell("info", "named", {"name": "<5,3>", "why": 'two "words"', "empty": ""})
    assert re.fullmatch(
        r'20\d\d-\d\d-\d\dT[\d:.]+\+00:00 info named name=<5,3> why="two \\"words\\"" empty=""', said.pop()
    )
    Log(say=say, as_json=True).tell("warning", "full", {"file": "x\ny", "count": 3})
    told = json.loads(said.pop())
    assert {key: told[key] for key in ("level", "event", "file", "count")} == {
        "level": "warning", "event": "full", "file": "x\ny", "count": 3,
    }  # fmt: skip
    Log("warning", say=say).tell("info", "named", {})
    assert not said


def test_of_too_many_lines_of_a_sort_some_are_left_out_and_counted() -> None:
    said: list[str] = []
    is_read = True

    def say(line: str) -> bool:
        if is_read:
            said.append(line)
        return is_read

    log = Log(say=say)
    for _ in range(50):
        log.tell("warning", "strangers", {})
    assert 10 <= len(said) < 15
    log.tell("info", "another", {})
    assert " another" in said[-1]
    is_read = False
    log.tell("info", "unread", {})
    is_read = True
    log.tell("info", "unread", {})
    assert said[-1].endswith("unread left_out_before=1")


# Pages.


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(port: int) -> dict[str, float]:
    """Return all values of /metrics, by name and labels; each line has to be one that Prometheus reads."""
    status, text = page(port, "/metrics")
    assert status == 200
    found = {}
    typed = set(re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.M))
    for line in text.splitlines():
        if not line.startswith("# "):
            match = re.fullmatch(r'(bayou_\w+)(\{\w+="[^"]*"\})? (-?[\d.e+-]+)', line)
            assert match, line
            assert {match[1], re.sub("_(bucket|sum|count)$", "", match[1])} & typed, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_parts_of_bases_are_counted() -> None:
    metrics, vector = Metrics(), VersionVector({ROOT: 1})
    chunk = Chunk(BasePosition.beginning(0), [], 1, 0)
    rows = BaseRows(1, chunk, Base(1, vector, (ROOT,), 0, 1))
    sent = Effects()
    sent.sends += [(1, rows), (2, rows)]
    metrics.stepped(Received(1, rows), Effects())
    metrics.stepped(Tick(), sent)
    counts = metrics._counts
    assert (counts["base_chunks_received"], counts["base_chunks_sent"]) == (1, 2)


@pytest.mark.processes
def test_metrics_and_health(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Servers(tmp_path, 2) as servers:
        servers[0].start("--metrics", f"127.0.0.1:{port}", "--log-format", "json")
        assert page(port, "/live") == (200, "it lives\n")
        assert page(port, "/ready") == (200, "it is ready\n")
        before = values(port)
        servers[1].start("--join", servers[0].address)
        for at in range(5):
            assert servers[0].put(f"key-{at}", "value").verdict == OK
        assert servers[0].get("key-3") == "value"
        servers.wait_level()
        after = values(port)
        assert after["bayou_puts_total"] - before["bayou_puts_total"] == 5
        assert after["bayou_gets_total"] - before["bayou_gets_total"] == 1
        assert after["bayou_csn"] == 6  # and the creation of the other one
        assert after["bayou_commits_total"] - before["bayou_commits_total"] == 6
        assert after["bayou_transaction_seconds_count"] > before["bayou_transaction_seconds_count"]
        assert after["bayou_transaction_writes_sum"] - before["bayou_transaction_writes_sum"] == 6
        assert after["bayou_file_bytes"] > 0
        assert after["bayou_sent_bytes_total"] > before["bayou_sent_bytes_total"]
        assert after['bayou_connections{state="server"}'] == 1
        name = servers[1].called
        wait_until(lambda: values(port)[f'bayou_lag{{server="{name}"}}'] == 0, PATIENCE_S)
        assert values(port)[f'bayou_heard_seconds{{server="{name}"}}'] < 30
        assert page(port, "/elsewhere")[0] == 404
        for line in servers[0].told().splitlines():
            assert {"time", "level", "event"} <= json.loads(line).keys()
        stats = servers[0].stats()
        assert (stats["csn"], stats["tentative"], stats["servers_connected"]) == ("6", "0", "1")
        assert stats["cluster"].startswith(servers[0].cluster)
        assert stats["log_held_by"] in ("what is still to be folded, or let go of", "nothing")
        servers[1].kill()
        assert servers[0].put("key", "value").verdict == OK
        held = f"the last 100000 writes are to stay, and server {name}, which stands at CSN 6"
        assert servers[0].stats()["log_held_by"] == held


@pytest.mark.processes
def test_not_ready_without_room_and_while_it_waits(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Servers(tmp_path, 2) as servers:
        servers[0].start()
        servers[1].secret.write_text(servers[0].secret.read_text())
        servers[1].secret.chmod(0o600)
        assert servers[0].stop() == 0
        metrics = ("--metrics", f"127.0.0.1:{port}")
        servers[1].start("--join", servers[0].address, *metrics, is_awaited=False)
        wait_until(lambda: "metrics" in servers[1].told(), PATIENCE_S)
        assert page(port, "/ready") == (503, "it is no member of its cluster\n")
        assert page(port, "/live")[0] == 200
        servers[0].start()
        wait_until(lambda: page(port, "/ready")[0] == 200, PATIENCE_S)
        assert servers[1].stop() == 0
        servers[1].start(*metrics, "--min-free", str(1 << 49))
        wait_until(lambda: page(port, "/ready") == (503, "there is no room for writes\n"), PATIENCE_S)


@pytest.mark.processes
def test_those_who_ask_slowly_or_nonsense_hold_nobody_up(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Servers(tmp_path, 1) as servers:
        servers[0].start("--metrics", f"127.0.0.1:{port}")
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
        try:
            for each in slow:
                each.sendall(b"GET /met")
            assert page(port, "/live")[0] == 200
            assert servers[0].put("still", "served").verdict == OK
            for request, status in (
                (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
                (b"\x00\xff\r\n\r\n", b"400"),
                (b"HEAD /live HTTP/1.0\r\n\r\n", b"200"),
            ):
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
                    sock.sendall(request)
                    assert sock.recv(100).split()[1] == status
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
                sock.sendall(b"GET /" + b"x" * 20_000)
                try:
                    assert sock.recv(100) == b""
                except ConnectionResetError:
                    pass
            assert descriptors(servers[0]) < 60
        finally:
            for each in slow:
                each.close()


def descriptors(server: Served) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@pytest.mark.processes
def test_a_peer_that_says_nothing_any_more_is_given_up(tmp_path: Path) -> None:
    """Its process stands still, so that its system takes everything, and nothing ever comes."""
    with Servers(tmp_path, 2) as servers:
        servers.start_all()
        servers.wait_level()
        process = servers[1].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            servers[0].wait_told(" silent ")
            took_s = time.monotonic() - began
            assert 10 < took_s < 30, took_s
        finally:
            process.send_signal(signal.SIGCONT)
        assert servers[1].put("back", "again").verdict == OK
        servers.wait_level()
        assert servers[0].get("back") == "again"
