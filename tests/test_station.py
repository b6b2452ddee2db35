"""Servers that last within this process, as a program embeds them: each turned by whoever has it."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bayou.core.body import body_of
from bayou.core.values import text_value
from bayou.host.filehome import FileHome
from bayou.host.functions import functions_of, load
from bayou.host.station import Options, Station
from bayou.machine.messages import Done, Message
from bayou.net.address import shown
from bayou.net.network import Network
from bayou.node.messages import SetGroup
from bayou.node.settings import Habits, Keep, Settings
from bayou.wire.connection import NONCE_BYTES, Connection, Identity, Introduce
from bayou.wire.errors import WireError
from tests.processes import wait_until
from tests.rows import place, row
from tests.test_functions_nodes import FUNCTIONS, call
from tests.test_wire_connection import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.core.functions import Functions

SECRET, OTHER = bytes(range(32)), bytes(range(32, 64))


class Town:
    """Stations, turned by turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stations: list[Station] = []
        self.told: list[tuple[str, str, dict[str, object]]] = []

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        for station in self.stations:
            station.close()

    def start(
        self, name: str, *joins: Station, functions: Functions | None = None, **options: Any
    ) -> Station:
        """Start a station, which joins others where any are named."""
        addresses = tuple(shown(each.address) for each in joins if each.address is not None)
        given = {"listen": ("127.0.0.1", 0), "joins": addresses, "has_thread": False, **options}
        wall_offset_s = time.time() - time.monotonic()
        settings = Settings(habits=Habits(period_s=0.05), wall_offset_s=wall_offset_s, keep=Keep())
        home = FileHome(str(self.folder / f"{name}.bayou"))
        station = Station(home, (SECRET,), Options(**given), settings, tell=self._tell, functions=functions)
        self.stations.append(station)
        return station

    def _tell(self, level: str, event: str, fields: dict[str, object]) -> None:
        self.told.append((level, event, fields))

    def until(self, condition: Callable[[], object], patience_s: float = 30.0) -> None:
        """Turn all stations until something holds."""

        def holds() -> object:
            for station in self.stations:
                if not station.has_ended:
                    station.turn(time.monotonic() + 0.001)
            return condition()

        wait_until(holds, patience_s)

    def are_level(self) -> bool:
        replicas = [station.machine.replica for station in self.stations if station.is_serving]
        return len(replicas) == len(self.stations) and all(
            replica.csn == replicas[0].csn and replica.vector == replicas[0].vector for replica in replicas
        )


def test_a_program_turns_a_station_until_what_it_waits_for(tmp_path: Path) -> None:
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        b = town.start("b", a)
        town.until(lambda: b.is_serving)
        town.until(town.are_level)
        assert a.me.cluster == b.me.cluster
        assert {peer.who.name for peer in a.known} == {b.machine.name}
        assert [entry.name for entry in a.book.entries()] == [a.machine.name, b.machine.name]
        b.stop()
        town.until(lambda: b.has_ended)
        a.stop()
        town.until(lambda: a.has_ended)


def test_a_thread_of_its_own_turns_it(tmp_path: Path) -> None:
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        b = town.start("b", a)
        town.stations.remove(b)
        thread = threading.Thread(target=lambda: _run(b))
        thread.start()
        try:
            town.until(lambda: len(a.machine.replica.vector.names) == 2)
            town.until(lambda: b.is_serving)
        finally:
            b.stop()
            town.until(lambda: not thread.is_alive())
            b.close()


def _run(station: Station) -> None:
    while not station.has_ended:
        station.turn(time.monotonic() + 0.01)


def test_when_all_dial_each_other_at_once_one_connection_is_left(tmp_path: Path) -> None:
    """They all know each other's addresses, and are started at the same moment."""
    with Town(tmp_path) as town:
        first = town.start("a")
        town.until(lambda: first.is_serving)
        for name in "bcde":
            town.start(name, first)
        town.until(lambda: all(station.is_serving and len(station.known) == 4 for station in town.stations))
        town.until(town.are_level)
        ports = [station.address for station in town.stations]
        for station in town.stations:
            station.close()
        town.stations.clear()
        town.told.clear()
        for name, port in zip("abcde", ports, strict=True):
            town.start(name, listen=port)
        town.until(lambda: all(len(station.known) == 4 for station in town.stations))
        town.until(lambda: all(station.network.handshakes == 0 for station in town.stations))
        assert all(len(station.known) == 4 for station in town.stations)
        assert not [told for told in town.told if told[0] == "warning"]
        town.until(town.are_level)


def test_a_connection_that_is_cut_is_made_anew(tmp_path: Path) -> None:
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        b = town.start("b", a)
        town.until(lambda: b.is_serving and town.are_level())
        for _ in range(3):
            (peer,) = a.peers
            a.network.hang_up(peer)
            town.until(lambda: not a.peers or not b.peers)
            town.until(lambda: a.peers and b.peers)
        a.machine.replica.put(*row("song", "url"))
        town.until(lambda: b.machine.replica.get(*place("song")) is not None)


def test_a_server_without_a_listener_takes_part(tmp_path: Path) -> None:
    """As a laptop's does, which nobody dials."""
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        b = town.start("b", a, listen=None)
        town.until(lambda: b.is_serving and town.are_level())
        name = b.machine.name
        assert name is not None
        town.until(lambda: a.book.get(name) is not None)
        entry = a.book.get(name)
        assert entry is not None
        assert entry.addresses == ()


def test_stamps_that_are_ahead_of_the_clock_are_told_of_once(tmp_path: Path) -> None:
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        a.machine.replica.clock.saw(int((time.time() + 120) * 1e6))
        town.until(lambda: any(event == "stamps ahead" for _, event, _ in town.told))
        until = time.monotonic() + 1.5
        town.until(lambda: time.monotonic() > until)
        assert sum(event == "stamps ahead" for _, event, _ in town.told) == 1


# The handshake.

ME, PEER = Introduce(1, True, None, Identity("aa")), Introduce(2, True, None, Identity("aa"))


def ends(dials: bytes, *accepts: bytes) -> tuple[Connection, Connection]:
    dialler = Connection(dials, b"d" * NONCE_BYTES, ME, dialled=True)
    acceptor = Connection(accepts[0], b"a" * NONCE_BYTES, PEER, dialled=False, accepted=accepts[1:])
    return dialler, acceptor


def test_any_of_the_accepted_secrets_lets_in() -> None:
    for secret in (SECRET, OTHER):
        assert exchange(*ends(secret, SECRET, OTHER)) == ([PEER], [ME])
    with pytest.raises(WireError, match="does not know the secret"):
        exchange(*ends(bytes(32), SECRET, OTHER))


def test_who_is_turned_away_is_told_why() -> None:
    dialler, acceptor = ends(SECRET, SECRET)
    for sender, receiver in ((dialler, acceptor), (acceptor, dialler), (dialler, acceptor)):
        data = bytes(sender.outgoing)
        sender.outgoing.clear()
        received = list(receiver.receive(data))
    assert received == [ME]
    acceptor.turn_away("we are full")
    with pytest.raises(WireError, match="it turned this node away: we are full"):
        list(dialler.receive(bytes(acceptor.outgoing)))
    assert dialler.peer is None


def test_another_version_is_named() -> None:
    acceptor = ends(SECRET, SECRET)[1]
    with pytest.raises(WireError, match="it speaks version 3 of this protocol, and this node version 4"):
        list(acceptor.receive(b"bayou\x00\x03\n" + bytes(64)))


class Listener:
    """The owner of a network that only listens to what is told of connections."""

    def __init__(self, id: int, gate: Callable[[Introduce], str | None]) -> None:
        self.up: list[int] = []
        self.failures: list[str | None] = []
        self.complaints: list[str] = []
        self.network = Network(SECRET, self, gate=gate)
        self.network.introduce_as(Introduce(id, True, None, Identity("aa", boot=id)))

    def linked(self, peer: Introduce) -> None:
        self.up.append(peer.id)

    def unlinked(self, peer: int) -> None:
        self.up.remove(peer)

    def received(self, peer: int, message: Message) -> None:
        raise AssertionError(f"nothing was sent, and {message} came")

    def dialled(self, number: int, failure: str | None) -> None:
        self.failures.append(failure)

    def relieved(self) -> None:
        pass

    def complain(self, sort: str, line: str) -> None:
        self.complaints.append(line)


def turned(*listeners: Listener) -> bool:
    for each in listeners:
        each.network.wait(time.monotonic() + 0.001)
        each.network.flush()
    return True


@pytest.mark.parametrize("is_by_dialler", [False, True])
def test_a_gate_at_either_end(is_by_dialler: bool) -> None:
    refusing, open_to_all = (lambda peer: f"{peer.id} is not welcome"), (lambda peer: None)
    a = Listener(1, refusing if is_by_dialler else open_to_all)
    b = Listener(2, open_to_all if is_by_dialler else refusing)
    a.network.dial(1, b.network.listen(), 0.0, 5.0)
    wait_until(lambda: turned(a, b) and a.failures and (b.complaints or not is_by_dialler))
    assert "not welcome" in str(a.failures[0])
    wait_until(lambda: turned(a, b) and not a.up and not b.up)
    wait_until(lambda: turned(a, b) and a.network.handshakes == b.network.handshakes == 0)
    assert "not welcome" in b.complaints[0]
    a.network.close()
    b.network.close()


def test_of_two_connections_that_of_the_smaller_id_stays() -> None:
    """Whoever's comes up first; both ends agree which one it is."""
    for seed in range(20):
        rng = random.Random(seed)
        a, b = Listener(1, lambda peer: None), Listener(2, lambda peer: None)
        addresses = a.network.listen(), b.network.listen()
        for each in rng.sample((a, b), 2):
            each.network.dial(1, addresses[1 if each is a else 0], 0.0, 5.0)
            for _ in range(rng.randrange(4)):
                turned(rng.choice((a, b)))
        wait_until(lambda a=a, b=b: turned(a, b) and a.failures and b.failures)  # type: ignore[misc]
        wait_until(lambda a=a, b=b: turned(a, b) and not a.network.has_unsent())  # type: ignore[misc]
        assert (a.up, b.up) == ([2], [1])
        assert a.failures == [None]
        links = [each.network._links[other] for each, other in ((a, 2), (b, 1))]
        assert [link.is_ours for link in links] == [True, False]
        assert links[0].sock.getsockname() == links[1].sock.getpeername()
        assert not a.complaints
        assert not b.complaints
        a.network.close()
        b.network.close()


def test_a_change_of_the_group_waits_where_something_may_have_been_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would bear a stamp that another write of this server may have."""
    with Town(tmp_path) as town:
        a = town.start("a")
        town.until(lambda: a.is_serving)
        town.stations.remove(a)
        a.close()
        monkeypatch.setattr(FileHome, "was_clean", False)
        a = town.start("a")
        answers: list[Message] = []
        stamp = a.machine.replica.clock.now
        a.order(SetGroup((a.machine.replica.name,)), answers.append)
        assert answers == []
        assert a.machine.replica.clock.now == stamp
        town.until(lambda: answers)
        assert answers == [Done()]
        assert a.machine.replica.epoch == a.machine.replica.csn == 1


# Doubt.


def test_a_member_that_was_killed_and_lacks_a_function_serves_and_does_not_vote(tmp_path: Path) -> None:
    """The end of no exchange comes, which alone would tell of a vote that it has forgotten, where what is due
    is more than is sent ahead."""
    has = functions_of(load(FUNCTIONS))
    with Town(tmp_path) as town:
        first = town.start("a", functions=has)
        town.until(lambda: first.is_serving)
        lacking, third = town.start("b", first), town.start("c", first, functions=has)
        town.until(lambda: lacking.is_serving and third.is_serving and town.are_level())
        names = [each.machine.name for each in town.stations if each.machine.name is not None]
        first.order(SetGroup(tuple(sorted(names))), lambda _: None)
        town.until(lambda: all(each.machine.replica.epoch for each in town.stations) and town.are_level())
        town.stations.remove(lacking)
        listen = lacking.address
        lacking.close(is_clean=False)
        first.use(lambda replica: replica.change(body_of(call("w", "ann").body)))
        for number in range(60):
            first.use(lambda replica: replica.put("n", f"{number}", text_value("x" * 100_000)))  # noqa: B023
        town.until(town.are_level)
        lacking = town.start("b", listen=listen)
        town.until(lambda: lacking.machine.lacking and not lacking.is_in_doubt)
        assert lacking.machine.is_unsure, "it may have voted"
        written = lacking.use(lambda replica: replica.put("n", "own", text_value("here")))
        town.until(lambda: first.machine.replica.get("n", "own") == written.value)
        town.stations.remove(lacking)
        lacking.close(is_clean=False)
        knowing = town.start("b", listen=listen, functions=has)
        town.until(lambda: not knowing.machine.is_unsure and town.are_level())


# Names that come while two shake hands.


def _is_introduced(station: Station) -> bool:
    """Whether it has sent its introduction to somebody whose own has not come yet."""
    under_way = station.network._dialler.under_way
    return any(link.channel._proven and not link.channel.outgoing for link in under_way)


def _named_in_a_handshake(folder: Path) -> bool:
    """Let a newcomer get its name while it shakes hands with a server that does not dial it itself; return
    whether it came to that."""
    with Town(folder) as town:
        creator = town.start("a")
        town.until(lambda: creator.is_serving)
        busy = town.start("b", creator)
        town.until(lambda: busy.is_serving and town.are_level())
        newcomer = town.start("d", creator)
        if newcomer.home.link > busy.home.link:
            return False  # the other one's own try would win, and know the name
        town.stations.remove(busy)
        town.until(lambda: len(newcomer.known) == 1)
        for _ in range(5000):
            newcomer.turn(time.monotonic() + 0.001)
            if _is_introduced(newcomer):
                break
            busy.turn(time.monotonic() + 0.001)
        if newcomer.machine.name is not None or not _is_introduced(newcomer):
            town.stations.append(busy)
            return False
        town.until(lambda: newcomer.is_serving)  # the other one does something else meanwhile
        town.stations.append(busy)
        town.until(lambda: [peer.who.name for peer in busy.known].count(newcomer.machine.name) == 1)
        return True


def test_a_server_that_gets_its_name_in_the_middle_of_a_handshake_is_known_by_it(tmp_path: Path) -> None:
    """Or no change of the group could ever name it there."""
    folders = [tmp_path / str(number) for number in range(40)]
    for folder in folders:
        folder.mkdir()
    assert any(map(_named_in_a_handshake, folders))
