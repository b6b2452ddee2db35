"""A decree by a file of hosts, started from one of them: all clients, and the nodes whose place is here and
free. The others are taken to be started by somebody else, now or later.
"""

from __future__ import annotations

import os
import select
from time import monotonic

from bayou._lean import signal, socket
from bayou.core.errors import BayouError
from bayou.decree.messages import Told
from bayou.decree.plan import Hopeless
from bayou.net.address import locate
from bayou.wire.connection import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.decree.hosts import Hosts
    from bayou.decree.plan import Plan

GRACE_S = 0.5
"""How long clients may still be told what learners know, when nothing more can be decided."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READ_BYTES = 1 << 16


class _Child:
    """A process that was started, and this end of the stream to it. It ends when that is closed."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self.sock = sock
        self.channel = Channel()


class Gathering:
    """``told`` has what each client was told, by id. To be closed: then all processes are gone."""

    def __init__(self, hosts: Hosts, secret: bytes, plan: Plan, tell: Callable[[str], None]) -> None:
        """``tell`` takes lines about how far it is."""
        self.told: dict[int, str] = {}
        self._hosts = hosts
        self._secret = secret
        self._plan = plan
        self._tell = tell
        self._children: dict[int, _Child] = {}
        self._dead: dict[int, None] = {}

    def run(self, deadline_s: float) -> None:
        """Return when all clients have been told. Hopeless where that can't be any more, as far as can be
        seen from here, or takes longer than that."""
        until = monotonic() + deadline_s
        for id in range(self._plan.nodes):
            if self._is_free_here(id):
                self._fork(id, self._be_node)
            else:
                self._tell(f"node {id} is somebody else's to start")
        clients = range(self._plan.nodes, self._plan.nodes + len(self._plan.wishes))
        for id in clients:
            self._fork(id, self._be_client)
        why = None
        while len(self.told) < len(clients):
            if why is None:
                why = self._plan.hopeless(self._dead)
                until = until if why is None else min(until, monotonic() + GRACE_S)
            if monotonic() >= until:
                waiting = ", ".join(str(id) for id in clients if id not in self.told)
                why = why or f"not done within {deadline_s:g} s"
                raise Hopeless(f"{why}; clients that have not been told: {waiting}")
            self._take_in(until)

    def close(self) -> None:
        """End all processes."""
        for child in self._children.values():
            child.sock.close()
            try:
                os.kill(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(child.pid, 0)
        self._children.clear()

    # Processes.

    def _is_free_here(self, id: int) -> bool:
        family, place = locate(self._hosts.find(id))
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
        except OSError:
            return False
        finally:
            sock.close()
        return True

    def _fork(self, id: int, work: Callable[[int, socket.socket], None]) -> None:
        ours, theirs = socket.socketpair()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # the parent's handlers are not the child's
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
            ours.setblocking(False)
            self._children[id] = _Child(pid, ours)
            return
        status = 1
        try:
            ours.close()
            for child in self._children.values():
                child.sock.close()
            for number in ENDING:  # what Ctrl-C means is for the parent to decide
                signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            work(id, theirs)
            status = 0
        except BayouError as error:
            _say(str(error))
        except BaseException as error:
            _say(f"{type(error).__name__}: {error}")
        finally:
            os._exit(status)

    def _be_node(self, id: int, sock: socket.socket) -> None:
        from bayou.decree.serving import serve

        serve(self._hosts, self._secret, id, self._plan.node(id), None, sock)

    def _be_client(self, id: int, sock: socket.socket) -> None:
        from bayou.decree.serving import Asking

        asking = Asking(self._hosts, self._secret, id, self._plan, parent=sock)
        asking.run(float("inf"))
        asking.stay()

    def _take_in(self, until: float) -> None:
        poll = select.poll()
        by_fd = {child.sock.fileno(): id for id, child in self._children.items()}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(max(0.0, until - monotonic()) * 1000 + 1):
            id = by_fd[fd]
            child = self._children[id]
            try:
                data = child.sock.recv(READ_BYTES)
            except ConnectionError:
                data = b""
            if not data:
                self._bury(id)
                continue
            for message in child.channel.receive(data):
                if isinstance(message, Told):
                    self.told[id] = message.value
                    self._tell(f"client {id} was told {message.value}")

    def _bury(self, id: int) -> None:
        child = self._children.pop(id)
        child.sock.close()
        os.waitpid(child.pid, 0)
        if id >= self._plan.nodes:
            if id not in self.told:
                raise BayouError(f"client {id} has ended before it was told anything")
            return
        self._dead[id] = None
        self._tell(f"node {id} has ended")


def _say(line: str) -> None:
    os.write(2, f"bayou paxos: {line}\n".encode("utf-8", "replace"))
