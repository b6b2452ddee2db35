"""Machines on a network without a master, at addresses of their own: the code is that of docs/net.md."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from random import Random, SystemRandom
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from bayou.core.errors import PeerError
from bayou.machine.messages import Done, Message
from bayou.net.address import LOOPBACK, locate, look_up, shown
from bayou.net.network import Network
from bayou.node.client import Client
from bayou.node.messages import OK, Did, Do, Get, Hello, Join, Joined, Put, ReadLog
from bayou.node.server import Server
from bayou.node.settings import Habits, Settings
from bayou.wire.connection import Channel, Introduce
from tests.processes import wait_until
from tests.rows import place, row, text_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).parent.parent / "docs" / "net.md"
SITE, EXAMPLE = (block.split("```")[0] for block in PAGE.read_text().split("```python\n")[1:])
SECRET = bytes(32)
GOSSIP = Settings(habits=Habits(period_s=0.03), wall_offset_s=0.0)


def has_ipv6() -> bool:
    """Whether this machine has an address ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


HOSTS = [
    "127.0.0.2",
    pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")),
]


class Town:
    """Sites, driven in turn by one loop."""

    def __init__(self) -> None:
        self.sites: list[Any] = []
        namespace: dict[str, Any] = {}
        exec(compile(SITE, str(PAGE), "exec"), namespace)
        self._site = namespace["Site"]

    def add(self, machine: object, host: str | None = None, *, secret: bytes = SECRET, port: int = 0) -> Any:
        site = self._site(machine, secret, None if host is None else (host, port))
        self.sites.append(site)
        return site

    def until(self, condition: Callable[[], object]) -> None:
        """Drive all sites until it is so."""
        late = monotonic() + 20
        while not condition():
            assert monotonic() < late, [site.complaints for site in self.sites]
            for site in self.sites:
                site.turn(monotonic() + 0.001)

    def connect(self, site: Any, number: int, other: Any) -> None:
        site.network.dial(number, other.address, 5.0)
        self.until(lambda: number in site.dials)
        assert site.dials[number] is None

    def ask(self, site: Any, number: int, order: Message) -> Any:
        site.order(number, order)
        self.until(lambda: number in site.answers)
        return site.answers.pop(number)


@pytest.fixture
def town() -> Iterator[Town]:
    made = Town()
    yield made
    for site in made.sites:
        site.network.close()


def test_the_example_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(SITE + EXAMPLE, str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("<")


@pytest.mark.parametrize("host", HOSTS)
def test_two_servers_and_a_client_without_a_master(town: Town, host: str) -> None:
    """The second server joins the first; what a client writes at one of them is soon at the other, though
    nobody orders it."""
    first, second = (town.add(Server(id, Random(id), GOSSIP), host) for id in (1, 2))
    assert first.address[0] == second.address[0] == host
    assert first.address != second.address
    assert isinstance(town.ask(first, 1, Join(first=True)), Joined)
    town.connect(second, 1, first)
    joined = town.ask(second, 2, Join(first=False))
    assert isinstance(joined, Joined)
    client = town.add(Client(3, Random(3)))
    town.connect(client, 1, second)
    assert town.ask(client, 2, Do(Put(*row("song", "url")))) == Did(OK, None)
    town.until(lambda: town.ask(first, 9, ReadLog(0, 9)).committed == 2)  # a creation, and the put
    town.until(lambda: town.ask(second, 9, ReadLog(0, 9)).committed == 2)
    assert town.ask(client, 3, Do(Get(*place("song")))) == Did(OK, text_value("url"))
    assert [write.key for write in first.driver.machine.replica.log] == ["", "song"]
    assert len(first.records) > 1
    assert [site.complaints for site in town.sites] == [[], [], []]


def test_a_server_tells_the_name_that_it_has_got_to_those_who_come_later(
    town: Town,
) -> None:
    first = town.add(Server(1, Random(1), GOSSIP), LOOPBACK)
    town.ask(first, 1, Join(first=True))
    second = town.add(Server(2, Random(2), GOSSIP), LOOPBACK)
    town.connect(second, 1, first)
    name = town.ask(second, 2, Join(first=False)).name
    client = town.add(Client(3, Random(3)))
    town.connect(client, 1, second)
    assert second.network.me.hello == Hello(is_server=True, name=name)
    assert second.driver.machine.peers.of(1).name == first.driver.machine.name


def test_a_port_of_choice_and_once_more_after_it(town: Town) -> None:
    """A server that was there before may have left connections that the system still remembers."""
    first = town.add(Server(1, Random(1), GOSSIP), "127.0.0.3")
    client = town.add(Client(3, Random(3)))
    town.connect(client, 1, first)
    first.network.close()
    town.sites.remove(first)
    again = town.add(Server(1, Random(1), GOSSIP), *first.address[:1], port=first.address[1])
    assert again.address == first.address
    town.until(lambda: client.driver.machine.server is None)
    town.connect(client, 2, again)


def test_what_another_one_listens_at(town: Town) -> None:
    first = town.add(Server(1, Random(1), GOSSIP), LOOPBACK)
    with pytest.raises(
        OSError, match=rf"can't listen at 127\.0\.0\.1:{first.address[1]}: .*in use"
    ) as caught:
        town.add(Server(2, Random(2), GOSSIP), LOOPBACK, port=first.address[1])
    assert caught.value.errno is not None
    with pytest.raises(ValueError, match="listens already"):
        first.network.listen()


@pytest.mark.parametrize(
    "address", [("localhost", 0), ("127.0.0.1", 70_000), ("", 1), ("a" * 300, 1), ("ä.", 1)]
)
def test_what_is_no_address(town: Town, address: tuple[str, int]) -> None:
    """Nobody is asked for names, in a loop that others wait for."""
    with pytest.raises(OSError, match=r"no address in numbers|no port") as caught:
        locate(address)
    assert len(str(caught.value)) < 150
    client = town.add(Client(3, Random(3)))
    client.network.dial(7, address, 5.0)
    assert client.dials == {7: f"the connection failed: {caught.value}"}


def test_nobody_listens_there(town: Town) -> None:
    first = town.add(Server(1, Random(1), GOSSIP), "127.0.0.4")
    town.sites.pop().network.close()
    client = town.add(Client(3, Random(3)))
    client.network.dial(7, first.address, 5.0)
    town.until(lambda: 7 in client.dials)
    assert client.dials[7] == f"the connection failed: {os.strerror(111)}"


def test_who_does_not_know_the_secret(town: Town) -> None:
    first = town.add(Server(1, Random(1), GOSSIP), "127.0.0.2")
    client = town.add(Client(3, Random(3)), secret=b"another")
    client.network.dial(7, first.address, 0.3)
    town.until(lambda: client.dials)
    assert "the connection failed" in client.dials[7]
    assert "does not know the secret" in first.complaints[0]
    assert first.driver.machine.servers == []


def test_names_of_hosts_and_how_addresses_are_shown() -> None:
    host, port = look_up("localhost", 7000)
    assert host in (LOOPBACK, "::1")
    assert port == 7000
    assert shown(("127.0.0.1", 7000)) == "127.0.0.1:7000"
    assert shown(("::1", 7000)) == "[::1]:7000"


# Lines.


class Nobody:
    """An owner that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def linked(self, peer: Introduce) -> None:
        self.told.append(peer)

    def unlinked(self, peer: int) -> None:
        self.told.append(peer)

    def received(self, peer: int, message: Message) -> None:
        self.told.append((peer, message))

    def dialled(self, number: int, failure: str | None) -> None:
        self.told.append((number, failure))

    def relieved(self) -> None:
        self.told.append("relieved")

    def complain(self, sort: str, line: str) -> None:
        self.told.append((sort, line))


def said_over(sock: socket.socket) -> list[Message]:
    channel = Channel()
    with contextlib.suppress(BlockingIOError):
        return list(channel.receive(sock.recv(1 << 16, socket.MSG_DONTWAIT)))
    return []


def looked(network: Network) -> bool:
    network.wait(monotonic())
    return True


def test_several_lines_each_with_its_own_ear() -> None:
    owner, heard = Nobody(), list[tuple[str, Message]]()
    network = Network(SECRET, owner)
    pairs = [socket.socketpair() for _ in range(2)]
    lines = [
        network.attach(ours, lambda message, name=name: heard.append((name, message)))  # type: ignore[misc]
        for name, (ours, _) in zip("ab", pairs, strict=True)
    ]
    for _, theirs in pairs:
        channel = Channel()
        channel.send(Done())
        theirs.sendall(channel.outgoing)
    wait_until(lambda: looked(network) and len(heard) == 2)
    assert sorted(name for name, _ in heard) == ["a", "b"]
    network.tell(lines[1], Done())
    network.flush()
    assert [said_over(theirs) for _, theirs in pairs] == [[], [Done()]]
    pairs[0][1].close()
    wait_until(lambda: looked(network) and lines[0].is_closed)
    assert [each.is_closed for each in lines] == [True, False]
    network.tell(lines[0], Done())  # nobody hears it
    network.flush()
    network.close()
    assert [each.is_closed for each in lines] == [True, True]
    pairs[1][1].close()
    assert owner.told == []


def test_a_line_on_which_something_odd_is_said_ends() -> None:
    def refuse(message: Message) -> None:
        raise PeerError("that is no order")

    owner = Nobody()
    network = Network(SECRET, owner)
    ours, theirs = socket.socketpair()
    line = network.attach(ours, refuse)
    channel = Channel()
    channel.send(Done())
    theirs.sendall(channel.outgoing)
    wait_until(lambda: looked(network) and line.is_closed)
    assert owner.told == [("lines", "closed a line: that is no order")]
    network.flush()
    network.close()
    theirs.close()


def test_a_network_that_was_closed_leaves_nothing_open() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    before = descriptors()
    network = Network(SystemRandom().randbytes(32), Nobody())
    address = network.listen()
    network.dial(1, address, 5.0)
    network.wait(monotonic() + 0.01)
    network.close()
    del network
    assert descriptors() == before
