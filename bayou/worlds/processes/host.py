"""What runs in the process of a node: a state machine between the master's orders and its sockets.

One thread and one loop. Each turn takes all that the sockets hold, lets the node process it, and then settles
with its driver: all that the turn has made durable goes into the journal at once, and after that, what is to
be sent and answered leaves.
"""

from __future__ import annotations

import gc
import os
from errno import EDQUOT, EFBIG, ENOSPC
from time import monotonic, time

from bayou._lean import import_module, socket
from bayou._quoting import shorten
from bayou.core.errors import BayouError, FunctionFault, PeerError
from bayou.host.driver import Driver
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.machine import Surroundings
from bayou.machine.messages import Done, Failed, Links, Look, Message
from bayou.net.address import LOOPBACK
from bayou.net.complaints import Complaints
from bayou.net.network import Network
from bayou.net.stream import new_buffer
from bayou.storage.journal import Journal, place_of_nameless
from bayou.wire.codec import get_ready
from bayou.wire.connection import Introduce
from bayou.worlds.processes.control import (
    CRASHED,
    FAULTY,
    UNWRITTEN,
    Calm,
    Dial,
    Envelope,
    HangUp,
    Load,
    Start,
    Suffer,
    Traced,
    Up,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.machine.effects import Input
    from bayou.machine.machine import Keeping, Kept, Machine, Machines
    from bayou.machine.records import Durable
    from bayou.worlds.weather import Weather

    OpenKept = Callable[[int, Message, Surroundings], Kept | None]


_BUFFER = new_buffer()
"""Made once, before the nodes are forked."""


def run(control_fd: int, secret: bytes, complaints: Complaints, journal: int | None) -> int:
    """Be the node that the master's first order says, until the node leaves or the master is gone. Return the
    exit status: UNWRITTEN where something could not be made durable, so that nobody was to hear of it;
    FAULTY where a function could not be carried out, of which nothing is durable; CRASHED where it was to end
    so."""
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    host = Host(control_fd, secret, complaints, journal)
    try:
        host.run()
    except Unwritten as error:
        complaints.say(str(error))
        return UNWRITTEN
    except FunctionFault as error:
        complaints.say(str(error))
        return FAULTY
    return CRASHED if host.has_crashed else 0


class Unwritten(BayouError):
    """A journal can't be written; says what to do."""

    def __init__(self, path: str, error: OSError, *, is_named: bool = False) -> None:
        if error.errno in (ENOSPC, EDQUOT):
            remedy = f"make room in {place_of_nameless()}, or let TMPDIR name another place"
            if is_named:
                remedy = "make room there, and begin the run again: it goes on from what was written"
        elif error.errno == EFBIG:
            remedy = "raise the limit on the size of files (ulimit -f)"
        elif is_named:
            remedy = "see that the file and its disk are sound"
        else:
            remedy = f"it is in {place_of_nameless()}; TMPDIR names another place"
        super().__init__(f"{path} can't be written: {error.strerror}; {remedy}")


class Unkept(Unwritten):
    """The file of a machine can't be written; says what that said."""

    def __init__(self, error: BayouError) -> None:
        BayouError.__init__(self, str(error))


def prepare(machines: str) -> None:
    """Get ready, once for all nodes that are forked later, what each of them needs: the machines, and how
    messages travel."""
    made: Machines = import_module(machines)
    made.keeping()
    get_ready(Envelope, Start, Up, Introduce)


def name_process(name: str) -> None:
    """Let ``ps`` and ``pgrep`` show what this process is, where the system has a way to."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return
    os.write(fd, name.encode()[:15])
    os.close(fd)


def return_memory() -> None:
    """Give back to the system what was freed lately, where there is a way to: by itself the C library keeps
    what lies between things still in use."""
    try:
        from ctypes import CDLL  # takes milliseconds to import, and is seldom needed

        CDLL(None).malloc_trim(0)
    except (ImportError, OSError, AttributeError):
        pass


class SystemBits:
    """Random bits from the operating system, as random.SystemRandom gives them, without its imports."""

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(os.urandom((k + 7) // 8), "big") >> (-k % 8)


class Host:
    """The loop of one node's process; the Owner of its Network."""

    def __init__(self, control_fd: int, secret: bytes, complaints: Complaints, journal: int | None) -> None:
        self._complaints = complaints
        self._network = Network(secret, self, _BUFFER)
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, control_fd)
        self._master = self._network.attach(control, self._obey)
        self._driver: Driver | None = None
        self._journal_fd = journal
        self._journal: Journal | None = None
        self._keeping: Keeping | None = None
        self._kept: Kept | None = None
        self._verbose = False
        self._machines: Machines | None = None
        self._traced: Message | None = None
        self._leaving = False
        self.has_crashed = False
        self._starting: tuple[int, Message | None] | None = None
        self._dials_open = 0
        self._dialling: dict[int, int] = {}
        self._peers: dict[int, None] = {}
        self._weather: Weather | None = None
        self._late: list[tuple[float, int, int, Message]] = []
        self._late_count = 0

    def run(self) -> None:
        """Run until the node leaves or the master's end of the control stream closes."""
        network = self._network
        while not self._master.is_closed and not self._leaving:
            network.wait(self._next_due())
            self._send_what_is_due(monotonic())
            driver = self._driver
            if driver is not None:
                wake_at = driver.machine.wake_at
                if wake_at is not None and monotonic() >= wake_at:
                    self._step(Tick())
                while driver.has_pending:
                    driver.settle()
            self._complaints.pass_time()
            network.flush()
        network.say_farewell()
        if self._kept is not None and not self.has_crashed:
            self._kept.close(has_left=self._leaving)

    # What the network tells.

    def _obey(self, message: Message) -> None:
        """Carry out an order of the master."""
        if not isinstance(message, Envelope):
            raise PeerError(f"{type(message).__name__} is no order")
        number, order = message.number, message.body
        if isinstance(order, Start):
            self._start(number, order)
        elif isinstance(order, Load):
            import_module(order.machines)
        elif isinstance(order, Dial):
            self._dialling[number] = order.peer
            self._dial(number, order.port, order.within_s)
        elif isinstance(order, Suffer):
            self._suffer(order)
            self.answer(number, Done())
        elif isinstance(order, Calm):
            if self._weather is not None:
                self._weather.clear()  # it still knows what must not be overtaken
            self.answer(number, Done())
        elif isinstance(order, HangUp):
            self._network.hang_up(order.peer)
            self.answer(number, Done())
        elif isinstance(order, Look):
            self.answer(number, self._links())
        else:
            self._step(Ordered(number, order))

    def linked(self, peer: Introduce) -> None:
        self._peers[peer.id] = None
        self._lose_late(peer.id)
        self._step(LinkUp(peer.id, peer.hello))

    def unlinked(self, peer: int) -> None:
        self._peers.pop(peer, None)
        self._lose_late(peer)
        self._step(LinkDown(peer))

    def received(self, peer: int, message: Message) -> None:
        self._step(Received(peer, message))

    def dialled(self, number: int, failure: str | None) -> None:
        """A connection that the master asked for is up, or failed; answer when all of the order are."""
        self._dials_open -= 1
        self._dialling.pop(number, None)
        if failure is not None:
            self.answer(number, Failed(failure))
        elif self._starting is None or number != self._starting[0]:
            self.answer(number, Done())
        elif not self._dials_open:
            self._begin()

    def complain(self, sort: str, line: str) -> None:
        self._complaints.complain(sort, line)

    def relieved(self) -> None:
        return_memory()

    # Orders.

    def _start(self, number: int, order: Start) -> None:
        self._verbose = order.verbose
        self._starting = (number, order.order)
        name_process(f"bayou {order.label}")
        self._complaints.introduce(shorten(order.label))
        try:
            self._machines = machines = import_module(order.machines)
            if order.trace:
                self._traced = order.what
            around = Surroundings(SystemBits(), monotonic(), time() - monotonic())
            if order.is_server:
                machine: Machine = self._make_server(machines, order, around)
            else:
                machine = machines.make(order.id, order.what, around)
        except (BayouError, OSError) as error:
            self.answer(number, Failed(str(error)))
            return
        if order.is_server:
            self.answer(0, Up(self._network.listen()[1]))
        self._driver = Driver(machine, self)
        self._network.introduce_as(Introduce(machine.id, machine.is_server, machine.hello))
        for port in order.peers[1::2]:
            self._dial(number, port, order.within_s)
        if not order.peers:
            self._begin()

    def _make_server(self, machines: Machines, order: Start, around: Surroundings) -> Machine:
        """Open the journal; return the server that wrote it, or a new one."""
        open_kept: OpenKept | None = getattr(machines, "open_kept", None)
        self._kept = None if open_kept is None else open_kept(order.id, order.what, around)
        if self._kept is not None:
            return self._kept.machine
        self._keeping = keeping = machines.keeping()
        kept = order.journal
        self._journal = journal = Journal(
            kept or f"the journal of {order.label}",
            is_synced=bool(kept),
            fd=self._journal_fd,
            is_named=bool(kept),
        )
        try:
            batches = journal.read()
        except OSError as error:
            raise Unwritten(journal.path, error, is_named=journal.is_named) from error
        if not batches:
            return machines.make(order.id, order.what, around)
        from bayou.storage.memory import Memory  # seldom needed, and start-up time counts

        self._tell_again(order.id, keeping.unpack(batches[-1]))
        return machines.restore(order.id, order.what, around, Memory(keeping.restore(batches)))

    def _tell_again(self, server: int, last: Sequence[Durable]) -> None:
        """The crash may have come after this batch was durable, and before anybody had heard of it."""
        effects = Effects()
        effects.durable += last
        self._trace(server, Tick(), effects, again=True)

    def _dial(self, number: int, port: int, within_s: float) -> None:
        self._dials_open += 1
        self._network.dial(number, (LOOPBACK, port), within_s)

    def _links(self) -> Links:
        """Return whom this node is connected to. All earlier orders have been carried out, or are dials."""
        peers, dialling = tuple(self._peers), tuple(self._dialling.values())
        return (
            Links(peers, dialling) if self._driver is None else self._driver.machine.survey(peers, dialling)
        )

    def _begin(self) -> None:
        """All connections that the first order named are up."""
        if self._starting is None:
            return
        (number, order), self._starting = self._starting, None
        if order is not None:
            self._step(Ordered(number, order))
        else:
            self.answer(number, Done())

    def _suffer(self, order: Suffer) -> None:
        """Let messages get lost, late, doubled or out of order, as far as a connection here has them."""
        import random

        from bayou.worlds.weather import Weather

        if self._weather is None:
            self._weather = Weather(random.Random(order.draws))
        self._weather.set(None if order.is_general else 0, order.peer, order.faults)

    def _send_what_is_due(self, now: float) -> None:
        while self._late and self._late[0][0] <= now:
            _, _, peer, message = self._late.pop(0)
            self._network.send(peer, message)

    def _lose_late(self, peer: int) -> None:
        """The connection is gone, or new: what was on its way to ``peer`` is lost."""
        self._late = [late for late in self._late if late[2] != peer]

    def _send_late(self, weather: Weather, peer: int, message: Message) -> None:
        from _bisect import insort_right as insort

        now = monotonic()
        self._send_what_is_due(now)  # before what is sent after it
        for at in weather.arrivals(0, peer, now, 0.0):
            if at <= now:
                self._network.send(peer, message)
            else:
                self._late_count += 1
                insort(self._late, (at, self._late_count, peer, message), key=lambda late: late[:2])

    def _next_due(self) -> float | None:
        due = None if self._driver is None else self._driver.machine.wake_at
        for other in (self._late[0][0] if self._late else None, self._complaints.due):
            if other is not None:
                due = other if due is None else min(due, other)
        return due

    # The node, and the Place of its driver.

    def _step(self, given: Input) -> None:
        if self._driver is not None:
            self._driver.step(monotonic(), given)
            if self._driver.is_urgent:
                self._driver.settle()

    def make_durable(self, records: list[Durable]) -> None:
        """Add them to the journal. It goes with the run, and so need not survive the end of the machine."""
        if self._kept is not None:
            try:
                self._kept.keep(records)
            except BayouError as error:
                raise Unkept(error) from error
        elif self._journal is not None and self._keeping is not None:
            try:
                self._journal.append(self._keeping.pack(records))
            except OSError as error:
                raise Unwritten(self._journal.path, error, is_named=self._journal.is_named) from error

    def witness(self, given: Input, effects: Effects) -> None:
        """An input has brought this about: tell who wants to know."""
        if self._driver is None:
            return
        machine, me = self._driver.machine, self._network.me
        if machine.hello is not me.hello:
            self._network.introduce_as(Introduce(me.id, me.is_server, machine.hello))
        self._trace(machine.id, given, effects)
        if self._verbose:
            for words in effects.notes:
                self._complaints.say(" ".join(map(str, words)))

    def send(self, peer: int, message: Message) -> None:
        """Send a message, through the weather."""
        if self._weather is None:
            self._network.send(peer, message)
        else:
            self._send_late(self._weather, peer, message)

    def answer(self, number: int, message: Message) -> None:
        """Answer an order of the master."""
        self._network.tell(self._master, Envelope(number, message))

    def drop(self, peer: int, why: str) -> None:
        """Cut the connection to a peer that has said what it may not."""
        self._network.hang_up(peer, why)

    def leave(self) -> None:
        """The node has ended: so does this process, once all is said."""
        self._leaving = True

    def crash(self) -> None:
        """The node fails: what it has said leaves, and this process ends."""
        self._leaving = self.has_crashed = True

    def _trace(self, id: int, given: Input, effects: Effects, **more: object) -> None:
        if self._traced is None or self._machines is None:
            return
        from bayou.trace.file import to_line

        events = self._machines.events_of(self._traced, id, given, effects)
        lines = tuple(to_line({**event, **more, "t": round(time(), 6)}) for event in events)
        if lines:
            self._network.tell(self._master, Envelope(0, Traced(lines)))
