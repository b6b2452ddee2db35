"""Machines that no master looks after: they find each other, lose each other, and keep what is durable."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import bayou.cluster.client
import bayou.cluster.serve
from bayou.cluster.config import Config, Place
from bayou.cluster.joining import loser
from bayou.families.log.machines import keeping
from bayou.families.log.messages import Client, Knows, Server
from bayou.host.keeper import Keeper
from bayou.host.site import Site
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Done, Links, Message
from bayou.net.complaints import Complaints
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Command
from bayou.paxos.log.records import AcceptedRecord, Promised, Snapshot
from bayou.storage.logfiles import LogFiles
from bayou.storage.memory import MemoryStore
from bayou.storage.store import StorageFailed

if TYPE_CHECKING:
    from bayou.machine.effects import Input

PATIENCE_S = 20.0
SECRET = b"s" * 32


class Parrot:
    """A machine that notes what it is given, and sends what it is told to."""

    UNCOMPARED: ClassVar[tuple[str, ...]] = ()
    TAGS: ClassVar[tuple[str, ...]] = ()
    is_server = True
    wake_at: float | None = None

    def __init__(self, id: int, hello: Message) -> None:
        self.id = id
        self.hello = hello
        self.given: list[Input] = []
        self.durable: list[Promised] = []

    def step(self, now: float, given: Input) -> Effects:
        effects = Effects()
        self.given.append(given)
        if isinstance(given, Tick):
            self.wake_at = None
        elif isinstance(given, Ordered):
            effects.sends.append((1 - self.id, given.order))
            effects.durable += self.durable
        return effects

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        return Links(peers, dialling)

    def check(self) -> None:
        pass

    def of(self, kind: type[Input]) -> list[Input]:
        return [given for given in self.given if isinstance(given, kind)]


class Town:
    """Some sites, all driven by this thread."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.parrots: list[Parrot] = []
        self.said: list[str] = []

    def add(
        self,
        id: int,
        *,
        secret: bytes = SECRET,
        keeper: Keeper | None = None,
        loses: Callable[[int], bool] | None = None,
        servers: tuple[int, ...] = (0, 1),
    ) -> Site:
        parrot = Parrot(id, Server())

        def put(data: bytes) -> bool:
            self.said.append(f"{id}: {data.decode()}")
            return True

        site = Site(
            parrot, secret, Complaints(monotonic, put), servers=servers, witness=lambda effects: None,
            keeper=keeper, loses=loses,
        )  # fmt: skip
        self.parrots.append(parrot)
        self.sites.append(site)
        return site

    def until(self, condition: Callable[[], object]) -> None:
        end = monotonic() + PATIENCE_S
        while not condition():
            assert monotonic() < end, self.said
            for site in self.sites:
                site.turn(monotonic() + 0.005)


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    yield town
    for site in town.sites:
        site.close()


def nobody_at() -> tuple[str, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
        return host, port


def test_who_is_not_there_yet_is_dialled_until_it_is_and_again_when_it_is_back(town: Town) -> None:
    address = nobody_at()
    one = town.add(1)
    one.dial(0, address)
    town.until(lambda: one.unreachable)
    assert "Connection refused" in one.unreachable[0]
    assert [one.has_met] == [False]
    for time in (1, 2):
        zero = town.add(0)
        zero.network.listen(address)
        town.until(lambda: 0 in one.up and 1 in town.sites[-1].up)
        assert one.unreachable == {}
        assert len(town.parrots[0].of(LinkUp)) == time
        town.sites.remove(zero)
        zero.close()
        town.until(lambda: 0 not in one.up)
        assert len(town.parrots[0].of(LinkDown)) == time
    assert one.has_met
    assert town.said == []  # that nobody is there is nothing to complain of


def test_an_order_leaves_before_anything_else_comes(town: Town) -> None:
    zero, one = town.add(0), town.add(1)
    one.dial(0, zero.network.listen())
    town.until(lambda: 0 in one.up and 1 in zero.up)
    (link,) = one.network._links.values()
    wait, unsent = one.network.wait, list[int]()

    def look_and_wait(due: float | None) -> None:
        unsent.append(len(link.channel.outgoing))
        wait(due)

    one.network.wait = look_and_wait  # type: ignore[method-assign]
    one.order(Knows(7, ()))
    assert link.channel.outgoing
    one.turn(monotonic())
    assert unsent == [0]
    town.sites.remove(one)  # it does nothing more
    town.until(lambda: town.parrots[0].of(Received))
    assert town.parrots[0].of(Received) == [Received(1, Knows(7, ()))]
    one.close()


def test_messages_get_lost_on_purpose(town: Town) -> None:
    lost: list[int] = []

    def loses(peer: int) -> bool:
        lost.append(peer)
        return len(lost) == 1

    zero, one = town.add(0), town.add(1, loses=loses)
    one.dial(0, zero.network.listen())
    town.until(lambda: 0 in one.up and 1 in zero.up)
    one.order(Knows(1, ()))
    one.order(Knows(2, ()))
    town.until(lambda: town.parrots[0].of(Received))
    assert town.parrots[0].of(Received) == [Received(1, Knows(2, ()))]
    assert lost == [0, 0]


def test_how_many_get_lost_is_what_the_configuration_says() -> None:
    servers = (Place("127.0.0.1", 1),)
    assert loser(Config("a", servers), 0) is None
    loses = loser(Config("a", servers, loss=0.3), 0)
    assert loses is not None
    assert 2000 < sum(loses(1) for _ in range(10_000)) < 4000


def test_who_claims_to_be_a_server_that_there_is_not_is_sent_away(town: Town) -> None:
    zero, seven = town.add(0), town.add(7)
    seven.dial(0, zero.network.listen())
    town.until(lambda: any("it claims to be server 7, and there is none" in line for line in town.said))
    assert 7 not in zero.up
    assert town.parrots[0].of(LinkUp) == []


def test_a_secret_that_is_another_is_told_of_once(town: Town) -> None:
    zero, one = town.add(0), town.add(1, secret=b"t" * 32)
    one.dial(0, zero.network.listen())
    town.until(lambda: one.unreachable)
    port = zero.network._door.address[1] if zero.network._door is not None else 0
    why = "the connection failed: it ended before the handshake was over"
    told = [line for line in town.said if line.startswith("1: ")]
    assert told == [f"1: server 0 at 127.0.0.1:{port}: {why}\n"]
    assert town.parrots[0].given == []


def test_a_host_that_says_nothing_is_noticed(town: Town) -> None:
    zero, one = town.add(0), town.add(1)
    one.dial(0, zero.network.listen())
    town.until(lambda: 0 in one.up and 1 in zero.up)
    for site in (zero, one):
        (link,) = site.network._links.values()
        assert link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert link.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


def test_it_wakes_when_its_machine_wants_to(town: Town) -> None:
    site = town.add(0)
    town.parrots[0].wake_at = monotonic() + 0.02
    site.turn()
    assert town.parrots[0].given == [Tick()]


class Captured(Exception):
    """What a site was to be made of."""

    def __init__(self, *_: object, **named: Any) -> None:
        super().__init__()
        self.named = named


class NoSignals:
    number = None


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_servers_and_clients_both_lose_what_they_send(
    loss: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def capture(*_: object, **named: Any) -> None:
        raise Captured(**named)

    config = Config("a", (Place("127.0.0.1", 1),), loss=loss)
    monkeypatch.setattr(bayou.cluster.serve, "Site", capture)
    monkeypatch.setattr(bayou.cluster.client, "Site", capture)
    monkeypatch.setattr(bayou.cluster.client, "Ending", NoSignals)
    made: list[Callable[[], object]] = [
        bayou.cluster.serve._Serving(config, SECRET, 0, str(tmp_path / "0"), (), NoSignals()).run,  # type: ignore[arg-type]
        lambda: bayou.cluster.client._Conversation(config, SECRET, "cluster.json", None),
    ]
    for make in made:
        with pytest.raises(Captured) as caught:
            make()
        loses = caught.value.named["loses"]
        assert (loses is None) == (loss == 0)
        if loses is not None:
            assert 200 < sum(loses(1) for _ in range(1000)) < 400


# What is kept.


def test_nobody_hears_of_what_could_not_be_made_durable(town: Town) -> None:
    store = MemoryStore()
    keeper = Keeper(store, keeping())
    keeper.read()
    zero, one = town.add(0), town.add(1, keeper=keeper)
    one.dial(0, zero.network.listen())
    town.until(lambda: 0 in one.up and 1 in zero.up)
    town.parrots[1].durable.append(Promised(Ballot(1, 1)))
    one.order(Knows(1, ()))
    store.fail(OSError(28, "No space left on device"))
    one.order(Knows(2, ()))
    with pytest.raises(StorageFailed, match="No space left on device"):
        one.turn(monotonic())
    assert town.parrots[0].of(Received) == []
    assert list(Keeper(store.crashed(), keeping()).read()) == []


def test_inputs_of_one_turn_are_made_durable_in_one_go(town: Town) -> None:
    store = MemoryStore(remembers=True)
    keeper = Keeper(store, keeping())
    keeper.read()
    site = town.add(0, keeper=keeper)
    town.parrots[0].durable.append(Promised(Ballot(1, 1)))
    for _ in range(5):
        site.order(Done())
    site.turn(monotonic())
    assert store.moments is not None
    assert len(store.moments) == 2


def test_a_snapshot_takes_the_place_of_what_was_before_it(tmp_path: Path) -> None:
    def opened() -> Keeper:
        return Keeper(LogFiles(str(tmp_path / "0"), "server 0"), keeping())

    keeper = opened()
    assert list(keeper.read()) == []
    value = Command((1 << 64) - 1, 1, 0, "caf\udce9")
    keeper.keep([Promised(Ballot(1, 0)), AcceptedRecord(0, Ballot(1, 0), value)])
    keeper.keep([AcceptedRecord(1, Ballot(1, 0), value), Snapshot(1, "[]"), Promised(Ballot(2, 0))])
    keeper.keep([AcceptedRecord(2, Ballot(2, 0), value)])
    keeper.close()
    again = opened()
    assert list(again.read()) == [
        Snapshot(1, "[]"),
        Promised(Ballot(2, 0)),
        AcceptedRecord(2, Ballot(2, 0), value),
    ]
    again.close()


def test_clients_need_not_be_known() -> None:
    town = Town()
    zero = town.add(0)
    other = Parrot(1 << 40, Client(1 << 40))
    other.is_server = False
    site = Site(other, SECRET, Complaints(monotonic), servers=(0,), witness=lambda effects: None)
    town.sites.append(site)
    site.dial(0, zero.network.listen())
    town.until(lambda: 0 in site.up and town.parrots[0].of(LinkUp))
    assert town.parrots[0].of(LinkUp) == [LinkUp(1 << 40, Client(1 << 40))]
    assert zero.up == {}
    for each in town.sites:
        each.close()
