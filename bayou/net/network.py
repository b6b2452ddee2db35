"""The sockets of one node: the listener, the links to other nodes, the lines to those who are trusted."""

from __future__ import annotations

import os
import select
from time import monotonic

from bayou._lean import socket
from bayou.core.errors import PeerError
from bayou.net.address import LOOPBACK
from bayou.net.dialler import Dialler
from bayou.net.door import Door
from bayou.net.link import FIRST_TRY_S, HANDSHAKE_S, Dialling, Link
from bayou.net.pressure import LARGE_BYTES, NOTABLE_BYTES, Pressure
from bayou.net.stream import EventPoll, Line, Stream, new_buffer, new_poll, notice_silence
from bayou.wire.connection import NONCE_BYTES, Channel, Connection, Introduce, TurnedAway

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.machine.messages import Message
    from bayou.net.address import Address
    from bayou.net.owner import Owner
    from bayou.net.tls import Tls

    Gate = Callable[[Introduce], str | None]

MESSAGES_A_TURN = 8
STREAM_TURN_S = 0.002
LINKS_TURN_S = 0.02
HANDSHAKES_TURN_S = 0.01
"""A turn of the loop: how many messages one connection may have carried out and how long that may take, and
how long all connections, and all handshakes, may take together. One thing is done in any case."""

FORGETTING_S = 1.0
"""How long it takes until half of the time that a connection took is forgotten."""

OUTGOING_BYTES_MAX = 64 << 20
FAREWELL_S = 0.5


class Network:
    """Non-blocking sockets behind one poll; what comes in goes to the ``owner``.

    Lines come first, all that has come in. Links share the time, those first that took least of it lately:
    what a peer sends too fast waits with that peer. What is to be sent is queued, and leaves with the next
    ``flush``. A loop calls ``wait``, then whatever else it drives, then ``flush``; all in one thread.

    ``me`` is what those are told of this node whom it is connected with.
    """

    def __init__(
        self,
        secret: bytes,
        owner: Owner,
        buffer: memoryview | None = None,
        silence_s: int | None = None,
        *,
        accepted: tuple[bytes, ...] = (),
        gate: Gate | None = None,
        tls: Tls | None = None,
        messages_a_turn: int = MESSAGES_A_TURN,
        stream_turn_s: float = STREAM_TURN_S,
    ) -> None:
        """``secret``, up to 32 bytes, is what both ends of each link have to know; ``buffer`` may be given
        where this thread has one already (bayou.net.stream.new_buffer). A link is given up after so many
        seconds without a sign of life from the other end's host; None: when the system sees fit.

        ``accepted`` are other secrets that those who dial may know instead. ``gate`` is asked about each peer
        that has introduced itself, before it takes anybody's place: why there is to be no connection, or
        None. Where there is a gate, both ends may dial: of two connections that of the end with the smaller
        id stays. With ``tls`` all is encrypted. ``messages_a_turn`` and ``stream_turn_s``: see
        MESSAGES_A_TURN."""
        self.me = Introduce(0, False, None)
        self._secret = secret
        self._accepted = accepted
        self._gate = gate
        self._tls = tls
        self._messages_a_turn = messages_a_turn
        self._stream_turn_s = stream_turn_s
        self._silence_s = silence_s
        self._owner = owner
        self._poll = new_poll()
        self._buffer = buffer or new_buffer()
        self._streams: dict[int, Stream] = {}
        self._lines: list[Line] = []
        self._ears: dict[int, Callable[[], None]] = {}
        self._links: dict[int, Link] = {}
        self._ready: dict[Stream, None] = {}
        self._waiting: dict[Stream, None] = {}
        self._touched: dict[Stream, None] = {}
        self._door: Door | None = None
        self._dialler = Dialler(
            self._shake_hands, self._connected, self._give_up, owner.dialled, self._make_room
        )
        self._pressure = Pressure()
        self._forgets_at = 0.0
        self._past_traffic = (0, 0)
        self._framed: tuple[Message, bytes] | None = None

    # What the host calls.

    def introduce_as(self, me: Introduce) -> None:
        """Tell those who connect from now on, and those who are shaking hands, who this node is."""
        self.me = me
        for link in (*self._dialler.under_way, *(() if self._door is None else self._door.handshakes)):
            link.channel.me = me

    def wait(self, due: float | None) -> None:
        """Take in what comes, at the latest until the monotonic time ``due`` (None for never)."""
        if self._waiting:
            patience_ms: float | None = 0.0
        else:
            due = self._earliest(due)
            patience_ms = None if due is None else max(0.0, (due - monotonic()) * 1000 + 1)
        is_knocked_at = False
        for fd, events in self._poll.poll(patience_ms):
            stream = self._streams.get(fd)
            if stream is None:
                ear = self._ears.get(fd)
                if ear is None:
                    is_knocked_at = True
                else:
                    ear()
            elif events == select.POLLIN:  # as it is nearly always
                self._ready[stream] = None
            else:
                self._note(stream, events)
        self._take_turn()
        now = monotonic()
        if is_knocked_at and self._door is not None:
            self._door.open(now)
        self._pass_time(now)

    def rest_s(self, due: float) -> float:
        """Return for how many seconds ``wait`` would have nothing to do, at most until ``due``, unless
        something comes in."""
        if self._waiting:
            return 0.0
        earliest = self._earliest(due)
        return 0.0 if earliest is None else max(0.0, earliest - monotonic())

    def fileno(self) -> int | None:
        """Return a descriptor that can be read when something has come in, None where this system has
        none."""
        return self._poll.fileno() if isinstance(self._poll, EventPoll) else None

    def attach(self, sock: socket.socket, hear: Callable[[Message], None]) -> Line:
        """Add a line, over a connected socket to somebody who is trusted: ``hear`` is called with each
        message that comes in, and may raise PeerError, which ends the line. ``is_closed`` of what is returned
        tells whether it has ended."""
        line = Line(sock, Channel(), self._buffer, hear)
        self._lines.append(line)
        self._add(line)
        return line

    def watch(self, fd: int, ear: Callable[[], None], events: int = select.POLLIN) -> None:
        """Call ``ear`` from within ``wait`` whenever a descriptor of the caller's has something to read (or
        what else ``events`` of select.poll say), or has ended. PermissionError for a plain file, which always
        has."""
        self._poll.register(fd, events)
        self._ears[fd] = ear

    def watch_for(self, fd: int, events: int) -> None:
        """Look out for other events at a descriptor that is watched."""
        self._poll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Look at that descriptor no more."""
        if self._ears.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def listen(self, address: Address = (LOOPBACK, 0)) -> Address:
        """Take connections from now on, at an address whose host is in numbers; where its port is 0 the
        system chooses one. Return where that is. Raises OSError where nobody can listen there."""
        if self._door is not None:
            raise ValueError("this node listens already")
        self._door = Door(address, self._poll, self._welcome, self._close, self._complain_of_strangers)
        return self._door.address

    def dial(self, number: int, address: Address, within_s: float, first_try_s: float = FIRST_TRY_S) -> None:
        """Connect to the node that listens there, again and again if need be; the owner hears under
        ``number`` what came of it. The first try may take ``first_try_s``."""
        self._dialler.dial(number, address, within_s, first_try_s)

    def stop_listening(self) -> None:
        """Take no more connections."""
        if self._door is not None:
            for link in list(self._door.handshakes):
                self._close(link, None)
            self._door.close()
            self._door = None

    def told(self, peer: int) -> Introduce | None:
        """Return what that node was told of this one when they met, None where there is no connection."""
        link = self._links.get(peer)
        return None if link is None else link.channel.told

    def silent_since(self, peer: int) -> float | None:
        """Return when something last came from that node (monotonic), None where there is no connection. One
        that has said more than was taken in so far has just been heard."""
        link = self._links.get(peer)
        if link is None:
            return None
        return monotonic() if link.has_more or link.is_congested else link.heard_at

    def peer_host(self, peer: int) -> str | None:
        """Return the address, in numbers, of the host that the connection to that node goes to."""
        link = self._links.get(peer)
        try:
            return None if link is None else str(link.sock.getpeername()[0])
        except OSError:
            return None

    def has_unsent(self) -> bool:
        """Whether anything waits to leave."""
        return any(stream.has_outgoing for stream in self._streams.values())

    @property
    def traffic_bytes(self) -> tuple[int, int]:
        """How many bytes have been read and sent, in all."""
        read, sent = self._past_traffic
        for stream in self._streams.values():
            read, sent = read + stream.read_bytes, sent + stream.sent_bytes
        return read, sent

    @property
    def handshakes(self) -> int:
        """How many connections have come in, or go out, whose handshake is not over."""
        door = 0 if self._door is None else len(self._door.handshakes)
        return door + len(self._dialler.under_way)

    def hang_up(self, peer: int, why: str | None = None) -> None:
        """Cut the connection to that node; ``why`` is complained about where the peer is to blame."""
        link = self._links.get(peer)
        if link is not None:
            self._close(link, why)

    def send(self, peer: int, message: Message) -> None:
        """Queue a message to that node, which is lost where no connection is up."""
        link = self._links.get(peer)
        if link is None:
            return
        framed = self._framed
        if framed is not None and framed[0] is message:  # the same to another peer
            link.channel.outgoing += framed[1]
            self._touched[link] = None
            return
        try:
            data = link.channel.send(message)
        except PeerError as error:  # too large for what nodes say to each other, so that it says nothing
            self._owner.complain("nodes", f"could not send to node {peer}: {error}")
            return
        self._framed = message, data
        self._touched[link] = None

    def tell(self, line: Line, message: Message) -> None:
        """Queue a message on a line, which is lost where that has ended."""
        if not line.is_closed:
            line.channel.send(message)
            self._touched[line] = None

    def flush(self) -> None:
        """Send what is queued, as far as the other ends take it."""
        self._framed = None
        for line in self._lines:
            if line in self._touched:  # what is told of a message comes before the message
                line.flush()
        while self._touched:
            touched, self._touched = self._touched, {}
            for stream in touched:
                if stream.is_closed or (isinstance(stream, Link) and stream.connecting):
                    continue
                stream.flush()
                if stream.has_outgoing or stream.is_congested or stream.is_broken:
                    self._look_at_backlog(stream)
                elif stream.events != select.POLLIN:
                    stream.watch(self._poll)

    def _look_at_backlog(self, stream: Stream) -> None:
        """After a stream has sent what its peer would take: what is left, and what does that mean?"""
        backlog = len(stream.channel.outgoing)
        if isinstance(stream, Link):
            if stream.is_broken and stream.is_congested:
                self._close(stream, None)  # it never read the answers to what it said before
                return
            if backlog > OUTGOING_BYTES_MAX:
                self._close(stream, f"{backlog} bytes are waiting for it to read")
                return
            if backlog > LARGE_BYTES:
                self._pressure.notice(monotonic())
            if stream.is_congested and not self._is_congested(stream) and stream.has_more:
                self._waiting[stream] = None
        stream.watch(self._poll)

    def say_farewell(self) -> None:
        """Give the last answers and messages a moment to leave."""
        until = monotonic() + FAREWELL_S
        for stream in self._streams.values():
            stream.sock.settimeout(max(0.001, until - monotonic()))
            stream.flush()

    def close(self) -> None:
        """Close all sockets, and tell nobody. Not to be called from within ``wait``."""
        for stream in self._streams.values():
            stream.is_closed = True
            self._poll.unregister(stream.fd)
            stream.sock.close()
        if self._door is not None:
            self._door.close()
            self._door = None
        for streams in (self._streams, self._links, self._ready, self._waiting, self._touched):
            streams.clear()
        self._lines.clear()
        if isinstance(self._poll, EventPoll):
            self._poll.close()

    # Streams.

    def _add(self, stream: Stream) -> None:
        self._streams[stream.fd] = stream
        self._poll.register(stream.fd, stream.events)

    def _note(self, stream: Stream, events: int) -> None:
        """Take notice of what the system tells of a stream."""
        if isinstance(stream, Link) and stream.connecting:
            self._dialler.look(stream)
        if events & select.POLLOUT:
            self._touched[stream] = None
        if events & ~select.POLLOUT:
            self._ready[stream] = None

    def _take_turn(self) -> None:
        """Read what is ready, and go on with what was read before: some of it from each."""
        if not self._waiting and len(self._ready) == 1:  # as it is nearly always
            stream, _ = self._ready.popitem()
            if isinstance(stream, Line):
                self._hear(stream)
                return
            if isinstance(stream, Link) and not self._pressure.is_on:
                self._serve(stream)
                return
            self._ready[stream] = None
        ready = {**self._waiting, **self._ready}
        self._ready, self._waiting = {}, {}
        links: list[Link] = []
        handshakes: list[Link] = []
        for stream in ready:
            if isinstance(stream, Line):
                self._hear(stream)
            elif isinstance(stream, Link):
                (handshakes if stream.peer is None else links).append(stream)
        if len(links) > 1:
            links.sort(key=_time_used)
        self._serve_all(self._pressure.choose(links), LINKS_TURN_S)
        self._serve_all(handshakes, HANDSHAKES_TURN_S)

    def _hear(self, line: Line) -> None:
        """Take in all that has come in on a line."""
        if line.is_closed:
            return
        data = line.read()
        if not data:
            if data is not None:
                self._close(line, None)
            return
        try:
            for message in line.channel.receive(data):
                line.hear(message)
        except PeerError as error:
            self._close(line, str(error))
        self._touched[line] = None

    def _serve_all(self, streams: list[Link], seconds: float) -> None:
        """Serve streams until the time is over; the others keep what they have for the next turn."""
        until = monotonic() + seconds
        for at, stream in enumerate(streams):
            if at and monotonic() >= until:
                self._waiting.update((late, None) for late in streams[at:] if late.has_more)
                return
            self._serve(stream)

    def _serve(self, link: Link) -> None:
        """Take in some of what a connection has, unless its peer has too much to read itself."""
        if link.is_closed or self._is_congested(link):
            self._touched[link] = None
            return
        if link.is_turned_away:
            if link.read() == b"":
                self._close(link, None)
            return
        data = b""
        if not link.has_more:
            try:
                read = link.read()
            except PeerError as error:
                self._close(link, str(error))
                return
            if read is None:
                if self._tls is not None:
                    self._touched[link] = None  # its handshake has something to say
                return
            data = read
            if not data:
                self._close(link, link.blame_for_end(), again=True)
                return
        self._go_on(link, data)

    def _go_on(self, link: Link, data: bytes) -> None:
        """Take in some of what a connection has, of which ``data`` is new."""
        began = link.heard_at = monotonic()
        try:
            link.has_more = self._take_in(link, data, began + self._stream_turn_s)
        except PeerError as error:
            self._close(link, str(error))
        if link.is_closed:
            return
        link.used_s += monotonic() - began
        self._pressure.weigh_unfinished(link)
        self._touched[link] = None
        if link.has_more:
            self._waiting[link] = None
        if len(data) > NOTABLE_BYTES:
            self._pressure.notice(began)

    def _is_congested(self, link: Link) -> bool:
        """Whether nothing is to be read from a peer until it has read what waits for it."""
        if self._pressure.has_unread or len(link.channel.outgoing) > LARGE_BYTES:
            self._pressure.weigh_unread(link)
        return link.is_congested

    def _take_in(self, link: Link, data: bytes, until: float) -> bool:
        """Carry out some messages of a peer; return whether there are more."""
        for count, message in enumerate(link.channel.receive(data), 1):
            if isinstance(message, Introduce):
                self._met(link, message)
            elif isinstance(message, TurnedAway):
                raise PeerError(f"it turned this node away: {message.why}")
            elif link.peer is not None:
                self._owner.received(link.peer, message)
            is_enough = count == self._messages_a_turn or monotonic() > until
            if is_enough or link.is_closed or self._is_congested(link):
                return link.channel.has_message
        return False

    def _close(self, stream: Stream, why: str | None, *, again: bool = False) -> None:
        """Drop a stream; ``why`` is complained about where the peer is to blame. With ``again``, a connection
        that was being dialled is tried anew."""
        if stream.is_closed:
            return
        if isinstance(stream, Link) and stream.is_turned_away:
            why = None
        stream.is_closed = True
        read, sent = self._past_traffic
        self._past_traffic = read + stream.read_bytes, sent + stream.sent_bytes
        del self._streams[stream.fd]
        self._poll.unregister(stream.fd)
        stream.sock.close()
        self._touched.pop(stream, None)
        self._waiting.pop(stream, None)
        if isinstance(stream, Line):
            self._lines.remove(stream)
            if why is not None:
                self._owner.complain("lines", f"closed a line: {why}")
        elif isinstance(stream, Link):
            self._close_link(stream, why, again=again)

    def _give_up(self, link: Link, why: str, again: bool) -> None:
        self._close(link, why, again=again)

    def _close_link(self, stream: Link, why: str | None, *, again: bool) -> None:
        self._end_handshake(stream)
        self._pressure.forget(stream)
        if stream.dialling is not None:
            self._dialler.end_try(stream.dialling, why, again=again)
        elif why is not None and stream.peer is None:
            self._complain_of_strangers(f"closed the connection to a stranger: {why}")
        elif why is not None:
            self._owner.complain("nodes", f"closed the connection to node {stream.peer}: {why}")
        if stream.peer is not None and self._links.get(stream.peer) is stream:
            del self._links[stream.peer]
            self._owner.unlinked(stream.peer)

    def _complain_of_strangers(self, line: str) -> None:
        self._owner.complain("strangers", line)

    # Links.

    def _make_room(self, why: str) -> None:
        if self._door is not None:
            self._door.make_room(why)

    def _welcome(self, sock: socket.socket) -> None:
        """Somebody has come in by the door; what a friend says first is often there already."""
        link = self._shake_hands(sock, None)
        if self._door is not None:
            self._door.handshakes[link] = None
        self._serve(link)

    def _shake_hands(self, sock: socket.socket, dialling: Dialling | None) -> Link:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._silence_s is not None:
            notice_silence(sock, self._silence_s)
        nonce = os.urandom(NONCE_BYTES)
        connection = Connection(
            self._secret, nonce, self.me, dialled=dialling is not None, accepted=self._accepted
        )
        patience_s = HANDSHAKE_S if dialling is None else dialling.patience_s()
        link = Link(sock, connection, monotonic() + patience_s, dialling, self._buffer)
        if self._tls is not None:
            link.encrypt(self._tls.end(dialled=dialling is not None))
        if dialling is not None:
            link.events = select.POLLOUT
        self._add(link)
        return link

    def _end_handshake(self, link: Link) -> None:
        self._dialler.under_way.pop(link, None)
        if self._door is not None:
            self._door.handshakes.pop(link, None)

    def _connected(self, link: Link) -> None:
        self._touched[link] = None

    def _met(self, link: Link, peer: Introduce) -> None:
        """The handshake is over: the connection to a node is up, in place of an older one to it."""
        if link.peer is not None:
            raise PeerError("it introduced itself twice")
        if self._gate is not None:
            why = self._gate(peer)
            if why is not None:
                self._turn_away(link, why)
                return
            if self._is_double(link, peer):
                number = None if link.dialling is None else link.dialling.number
                link.dialling = None
                self._close(link, None)
                if number is not None:
                    self._owner.dialled(number, None)  # there is a connection
                return
        if peer.id == self.me.id:
            raise PeerError(f"it claims to be {peer.id}, as this node is")
        self.hang_up(peer.id)
        self._end_handshake(link)
        link.peer = peer.id
        link.is_server = peer.is_server
        link.boot = 0 if peer.who is None else peer.who.boot
        self._links[peer.id] = link
        self._owner.linked(peer)
        if link.dialling is not None:
            number, link.dialling = link.dialling.number, None
            self._owner.dialled(number, None)

    def _turn_away(self, link: Link, why: str) -> None:
        """Tell a peer why there will be no connection, and the owner; it is the peer that closes."""
        link.channel.turn_away(why)
        link.flush()
        link.is_turned_away = True
        if link.dialling is not None:
            dialling, link.dialling = link.dialling, None
            self._dialler.end_try(dialling, f"turned it away: {why}", again=False)
        else:
            self._complain_of_strangers(f"turned a connection away: {why}")

    def _is_double(self, link: Link, peer: Introduce) -> bool:
        """Whether a new connection is to give way to the one that there is to the same peer: both ends decide
        alike. A peer that was started anew knows nothing of the one that there is."""
        old = self._links.get(peer.id)
        if old is None or old.is_ours == link.is_ours:
            return False
        if peer.who is not None and peer.who.boot != old.boot:
            return False
        return link.is_ours != (self.me.id < peer.id)

    # Time.

    def _earliest(self, due: float | None) -> float | None:
        """Return when something is to be done at the latest, whatever comes."""
        if self._door is not None:
            due = _earlier(due, self._door.due)
        return _earlier(_earlier(due, self._dialler.due), self._pressure.due)

    def _pass_time(self, now: float) -> None:
        if self._door is not None:
            self._door.pass_time(now)
        self._dialler.pass_time(now)
        due = self._pressure.due
        if due is not None and now >= due:
            for link, why in self._pressure.look(now, self._links.values()):
                self._close(link, why)
            if self._pressure.is_over:
                self._owner.relieved()
        if now >= self._forgets_at:
            self._forgets_at = now + FORGETTING_S
            for link in self._links.values():
                link.used_s /= 2


def _earlier(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def _time_used(link: Link) -> float:
    return link.used_s
