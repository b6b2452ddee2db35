"""Servers on networks of their own, of which packets are lost and links cut (tests.namespaces); and what it
takes to see that something is wrong there."""

from __future__ import annotations

import functools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bayou.core.name import ROOT
from bayou.core.values import text_value
from bayou.core.write import PUT, Write
from tests.clusters import free_ports
from tests.namespaces import Campaign, Report, judged
from tests.netns import PORT, Host, Net, why_not
from tests.processes import is_listening, wait_until
from tests.roaming import Figures

families = pytest.mark.parametrize("family", [4, 6])


@functools.cache
def _why_not(family: int) -> str | None:
    return why_not(family)


@pytest.fixture(autouse=True)
def networks_where_wanted(request: pytest.FixtureRequest) -> None:
    """Skip what needs networks where none can be made, and say why."""
    if "family" in request.fixturenames:
        why = _why_not(request.getfixturevalue("family"))
        if why is not None:
            pytest.skip(why)


def campaign(folder: Path, *, hosts: int, seconds: float, seed: int, family: int) -> Report:
    run = Campaign(
        folder, hosts=hosts, seconds=seconds, seed=seed, family=family, loss_percent=20, delay_s=0.1
    )
    return run.run()


# Servers.


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("family", [pytest.param(4, marks=pytest.mark.campaign), 6])
def test_nothing_is_lost_where_the_network_falls_apart(tmp_path: Path, family: int) -> None:
    seconds = 5
    report = campaign(tmp_path, hosts=3, seconds=seconds, seed=7, family=family)
    assert not report.problems, "\n".join(report.lines())
    assert len(report.figures.acknowledged) > 100
    assert report.figures.reads > 10
    assert sum(report.changes.values()) >= 3
    assert report.packets_lost > 50
    assert report.packets_cut > 0
    assert report.wires["overtaken"] > 0


@pytest.mark.processes
@pytest.mark.campaign
@pytest.mark.parametrize("family", [4])
def test_five_servers_for_long(tmp_path: Path, family: int) -> None:
    report = campaign(tmp_path, hosts=5, seconds=60, seed=11, family=family)
    assert not report.problems, "\n".join(report.lines())
    assert len(report.figures.acknowledged) > 1000
    assert report.figures.moves > 5


# The network itself.


def reach(source: Host, target: Host) -> bool:
    """Whether a connection can be made, within a third of a second."""

    def connect() -> bool:
        try:
            socket.create_connection((target.outer, PORT), timeout=0.3).close()
        except OSError:
            return False
        return True

    return source.do(connect)


@pytest.mark.processes
@families
def test_a_network_does_what_it_is_told(family: int) -> None:
    """Each fault for itself; and what is mended is as it was."""
    with Net(3, family) as net:
        listeners = [
            host.do(lambda host=host: socket.create_server((host.outer, PORT), family=_family(host)))  # type: ignore[misc]
            for host in net.hosts
        ]
        a, b, c = net.hosts
        try:
            wait_until(lambda: reach(a, b) and reach(b, a) and reach(c, a))
            net.weather(0, [(0, 1)])
            assert not reach(a, b)  # nothing arrives
            assert not reach(b, a)  # no answer does
            wait_until(lambda: reach(b, c))
            lost, cut = net.counted()
            assert lost == 0
            assert cut > 0
            for which in ("eth0", "port"):
                net.weather(0, down=[(2, which)])
                assert not reach(b, c)
                assert not reach(c, b)
                wait_until(lambda: reach(a, b))
                net.weather(0)
                wait_until(lambda: reach(b, c) and reach(c, b))
            net.weather(50)
            wait_until(lambda: not reach(a, b) and net.counted()[0] > 3)
            net.weather(0)
            wait_until(lambda: reach(a, b))
        finally:
            for listener in listeners:
                listener.close()
    assert why_not(family) is None  # nothing of it is in the way of another one


def _family(host: Host) -> int:
    return socket.AF_INET if host.family == 4 else socket.AF_INET6


# The wire.


@contextmanager
def wire(mean_s: float) -> Iterator[tuple[socket.socket, int]]:
    """A wire in front of a listener; yields that, and where the wire is dialled."""
    with socket.create_server(("127.0.0.1", 0)) as far:
        (port,) = free_ports(1)
        ends = f"127.0.0.1:{port}", f"127.0.0.1:{far.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.slow_wire", *ends, str(mean_s), "5"], stdout=subprocess.PIPE
        )
        try:
            wait_until(lambda: is_listening(port))
            far.accept()[0].close()  # of the look whether it listens
            yield far, port
        finally:
            process.terminate()
            out, _ = process.communicate(timeout=20)
        assert b"overtaken" in out


@pytest.mark.processes
def test_a_wire_is_late_and_keeps_the_order_of_a_connection() -> None:
    with wire(0.1) as (far, port):
        near = socket.create_connection(("127.0.0.1", port))
        there, _ = far.accept()
        near.settimeout(20)
        there.settimeout(20)
        with near, there:
            began = time.monotonic()
            sent = bytes(range(256)) * 4000
            near.sendall(sent)
            near.shutdown(socket.SHUT_WR)
            first = there.recv(1)
            assert time.monotonic() - began > 0.02
            came = bytearray(first)
            while data := there.recv(1 << 16):
                came += data
            assert came == sent
            there.sendall(b"and back")
            assert near.recv(100) == b"and back"
            there.close()
            assert near.recv(100) == b""


@pytest.mark.processes
def test_connections_overtake_each_other() -> None:
    with wire(0.2) as (far, port):
        nears, theres = [], []
        for _ in range(12):
            nears.append(socket.create_connection(("127.0.0.1", port)))
            theres.append(far.accept()[0])
        arrived: list[int] = []
        for near in nears:
            near.sendall(b"!")

        def look() -> bool:
            for at, there in enumerate(theres):
                there.setblocking(False)
                try:
                    if at not in arrived and there.recv(1):
                        arrived.append(at)
                except BlockingIOError:
                    pass
            return len(arrived) == len(theres)

        wait_until(look)
        for each in (*nears, *theres):
            each.close()
        assert arrived != sorted(arrived)


# The judge.


def put(stamp: int, value: str) -> Write:
    return Write(stamp, ROOT, PUT, "notes", value, text_value(value))


@pytest.mark.parametrize(
    ("values", "acknowledged", "doubtful", "problem"),
    [
        ("abc", "abc", "", None),
        ("acb", "ac", "b", None),
        ("ac", "ac", "b", None),
        ("ac", "abc", "", "b was acknowledged, and is nowhere"),
        ("abab", "ab", "", "a is there 2 times"),
        ("acbb", "ac", "b", "b is there 2 times"),
        ("ba", "ab", "", "b comes before a of the same session"),
        ("abx", "ab", "", "x is there, and nobody wrote it"),
    ],
)
def test_what_is_wrong_with_a_log_is_seen(
    values: str, acknowledged: str, doubtful: str, problem: str | None
) -> None:
    figures = Figures(acknowledged=[("one", value) for value in acknowledged], doubtful=list(doubtful))
    problems = judged([put(at + 1, value) for at, value in enumerate(values)], figures)
    assert (problem in problems) if problem is not None else not problems
