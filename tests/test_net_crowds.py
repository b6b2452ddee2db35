"""Who is let in where there is no room for all: a friend that is turned away tries again, and a handshake in
which only a friend can have spoken is not given up for strangers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from random import Random
from time import monotonic
from typing import Any

import pytest

from bayou.machine.messages import Message
from bayou.net.address import LOOPBACK
from bayou.node.client import Client
from bayou.node.messages import Did, Do, Hello, Join, Put
from bayou.node.server import Server
from bayou.wire.connection import NONCE_BYTES, Connection, Introduce
from tests.rows import row
from tests.test_net import GOSSIP, SECRET, Town


@pytest.fixture
def town() -> Iterator[Town]:
    made = Town()
    yield made
    for site in made.sites:
        site.network.close()


def server_with_room_for(town: Town, handshakes: int) -> Any:
    """Return a server that shakes hands with so many at a time."""
    site = town.add(Server(1, Random(1), GOSSIP), LOOPBACK)
    town.ask(site, 1, Join(first=True))
    site.network._door._handshakes_max = handshakes
    return site


def turned_away(site: Any) -> int:
    return sum("turned a connection away" in line for line in site.complaints)


def test_who_is_turned_away_tries_again_until_there_is_room(town: Town) -> None:
    server = server_with_room_for(town, 0)
    client = town.add(Client(3, Random(3)))
    client.network.dial(1, server.address, 15.0)
    town.until(lambda: turned_away(server) >= 3)
    assert client.dials == {}
    server.network._door._handshakes_max = 1
    town.until(lambda: 1 in client.dials)
    assert client.dials == {1: None}
    assert isinstance(town.ask(client, 2, Do(Put(*row("song", "url")))), Did)


def test_who_is_turned_away_gives_up_in_the_end(town: Town) -> None:
    server = server_with_room_for(town, 0)
    client = town.add(Client(3, Random(3)))
    began = monotonic()
    client.network.dial(1, server.address, 0.3)
    town.until(lambda: 1 in client.dials)
    assert client.dials[1].startswith("the connection failed: ")
    assert turned_away(server) > 1
    assert monotonic() - began < 10


class Caller:
    """One who connects by hand, and shakes hands as far as it is told to."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setblocking(False)
        me = Introduce(9, False, Hello(is_server=False))
        self.connection = Connection(SECRET, os.urandom(NONCE_BYTES), me, dialled=True)
        self.heard: list[Message] = []

    def speak(self) -> None:
        self.sock.send(self.connection.outgoing)
        self.connection.outgoing.clear()

    def listen(self) -> bool:
        """Take in what has come, and return whether there was anything; a connection that was cut says so."""
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionError("sent away")
        self.heard += self.connection.receive(data)
        return True

    def is_sent_away(self) -> bool:
        try:
            self.listen()
        except ConnectionError:
            return True
        return False


def test_strangers_do_not_push_out_a_friend_whose_handshake_is_under_way(town: Town) -> None:
    """It has said what only friends can say, and takes its time over the rest. Whoever came before it and
    has said nothing goes first."""
    server = server_with_room_for(town, 2)
    silent = Caller(server.address)
    friend = Caller(server.address)
    friend.speak()
    town.until(friend.listen)
    strangers = [Caller(server.address) for _ in range(4)]
    for stranger in (silent, *strangers[:3]):  # of those who have said nothing, the last one has the place
        town.until(stranger.is_sent_away)
    assert not friend.is_sent_away()
    second = Caller(server.address)
    town.until(strangers[3].is_sent_away)
    second.speak()
    town.until(second.listen)
    late = Caller(server.address)
    town.until(late.is_sent_away)
    assert turned_away(server) == 1, "where only friends are under way, whoever comes has to try again"
    friend.speak()
    town.until(friend.listen)
    assert isinstance(friend.heard[0], Introduce)
    for caller in (silent, friend, second, late, *strangers):
        caller.sock.close()
