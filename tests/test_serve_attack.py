"""Whatever strangers and friends send, a server that lasts serves its clients, within bounds."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bayou.node.asks import Changed, Changes, FeedPosition
from tests.serve_attack import ServeAttack
from tests.serving import Servers

pytestmark = pytest.mark.processes


def test_frames_of_every_bad_kind(tmp_path: Path) -> None:
    attack = ServeAttack(7, tmp_path)
    try:
        figures = attack.send(1500)
        assert figures.failed == 0
        assert figures.refused > 100
        assert figures.frames["hostile asks"] > 300
        assert figures.slowest_s < 5
        assert attack.turned_away == 0
        assert figures.descriptors_max < 120
        assert figures.memory_max_kb < figures.memory_first_kb + 64_000, figures.lines()
        attack.let_go()
        assert attack.is_well()
    finally:
        attack.close()


def test_a_feed_from_a_place_that_no_row_can_have(tmp_path: Path) -> None:
    """The server reads from its file there: what a client says is no damage of the file."""
    attack = ServeAttack(5, tmp_path, 1)
    try:
        for odd in ("\udc80", "", "notes"):
            with attack.servers[0].session() as session:
                changed = session.ask(Changes(FeedPosition(5, odd, "\udc80"), 5)).reply
                assert isinstance(changed, Changed)
                assert changed.rows
        attack.kinds = {"asks": 1}  # type: ignore[misc]
        assert attack.send(500).failed == 0
        attack.let_go()
        assert attack.is_well()
    finally:
        attack.close()


def test_many_who_never_say_anything(tmp_path: Path) -> None:
    """They are let go after some seconds; clients come and go meanwhile."""
    with Servers(tmp_path, 1) as servers:
        servers[0].start()
        crowd = [socket.create_connection((servers[0].host, servers[0].port)) for _ in range(200)]
        try:
            for at in range(20):
                servers[0].put(f"key-{at}", "there")
                assert servers[0].get(f"key-{at}") == "there"
            for each in crowd:
                each.settimeout(30)
                assert each.recv(1) == b""
        finally:
            for each in crowd:
                each.close()
