"""The warm parent: a small process with the imports done, from which every node is forked.

The master asks for a node by sending one end of a socket pair; the warm parent reports who was born and
who died. When the master's end of the channel closes, however that comes about, it kills all its
children and ends. It has no threads, and no state but the list of its children.
"""

from __future__ import annotations

import gc
import os
import select
from time import monotonic

from bayou._lean import calcsize, pack, signal, socket, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

REPORT = "<cqq"
REPORT_BYTES = calcsize(REPORT)
SECRET_BYTES = 32
BORN = b"B"
DIED = b"D"
GOODBYE = pack(REPORT, b"E", 0, 0)
"""The last report: all nodes are gone."""

_KEY = "<q"
_FD = "i"


def send_request(channel: socket.socket, key: int, fd: int, journal: int | None) -> None:
    """Ask for a node that talks to the master over ``fd``, and writes into ``journal``; ``key`` is what it is
    called in reports."""
    fds = pack(_FD, fd) + (b"" if journal is None else pack(_FD, journal))
    channel.sendmsg([pack(_KEY, key)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


def send_preparation(channel: socket.socket, machines: str) -> None:
    """Ask the warm parent to import a module for all nodes that are asked for after this."""
    name = machines.encode()
    channel.sendall(pack(_KEY, -len(name)) + name)


def _take_request(channel: socket.socket) -> tuple[int, int, int | None] | str | None:
    """Return the key and the descriptors of the next request for a node, or the name of a module that nodes
    will need; None where the other end is gone."""
    size = calcsize(_FD)
    try:
        data, rights, _, _ = channel.recvmsg(calcsize(_KEY), socket.CMSG_LEN(2 * size))
    except OSError:
        return None
    if len(data) < calcsize(_KEY):
        return None
    key = unpack(_KEY, data)[0]
    if key < 0:
        name = b""
        while len(name) < -key and (piece := channel.recv(-key - len(name))):
            name += piece
        return name.decode()
    if not rights:
        return None
    fds = rights[0][2]
    journal = unpack(_FD, fds[size : 2 * size])[0] if len(fds) >= 2 * size else None
    return key, unpack(_FD, fds[:size])[0], journal


def start(secret: bytes, machines: str) -> tuple[int, socket.socket]:
    """Fork the warm parent; return its process id and the master's end of the channel. It imports the module
    ``machines`` for all nodes, if one is named."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _end_with(lambda: _WarmParent(theirs, secret, machines).run())
    theirs.close()
    return pid, ours


def _end_with(work: Callable[[], int]) -> NoReturn:
    """Do the work of a forked process and end it with the exit status that comes of it, never returning into
    the parent's code."""
    status = 1
    try:
        status = work()
    except BaseException as error:
        _say_why(error)
    finally:
        os._exit(status)


def _say_why(error: BaseException) -> None:
    """Write a traceback, or what can be had of one, without waiting for a reader."""
    from bayou.net.complaints import Complaints  # nodes have it, and so needs no file

    complaints = Complaints(monotonic)
    try:
        from traceback import format_exception

        lines = "".join(format_exception(error)).splitlines()
    except Exception:  # no descriptor, no memory: the error itself is what counts
        lines = [f"{type(error).__name__}: {error}"]
    for line in lines:
        complaints.say(line)


class _WarmParent:
    def __init__(self, channel: socket.socket, secret: bytes, machines: str) -> None:
        self._channel = channel
        self._secret = secret
        self._machines = machines
        self._children: dict[int, int] = {}
        self._be_child: Callable[[int, int | None], int]
        self._woken = self._waker = -1

    def run(self) -> int:
        # Ctrl-C goes to every process of the terminal; what it means is for the master to decide.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _detach(self._channel.fileno())
        gc.disable()
        from bayou.net.complaints import Complaints
        from bayou.worlds.processes import host

        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        early = _take_request(self._channel) if poll.poll(0) else ""
        if isinstance(early, str) and early:  # other machines than those that were likely
            self._prepare(early)
        elif self._machines:
            host.prepare(self._machines)
        host.name_process("bayou warm")
        complaints = Complaints(monotonic)  # standard error is opened once for all
        self._be_child = lambda fd, journal: host.run(fd, self._secret, complaints, journal)
        gc.freeze()
        self._watch_children()
        if not isinstance(early, str) and not self._serve(early):
            return self._end()
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._channel.fileno() in ready and not self._serve(_take_request(self._channel)):
                return self._end()

    def _end(self) -> int:
        self._kill_all()
        self._say_goodbye()
        return 0

    def _watch_children(self) -> None:
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _serve(self, request: tuple[int, int, int | None] | str | None) -> bool:
        """Fork the node that the master asks for; False where the master is gone."""
        if request is None:
            return False
        if isinstance(request, str):
            self._prepare(request)
            return True
        key, fd, journal = request
        pid = os.fork()
        if pid == 0:
            self._channel.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._woken)
            os.close(self._waker)
            _end_with(lambda: self._be_child(fd, journal))
        os.close(fd)
        if journal is not None:
            os.close(journal)
        self._children[pid] = key
        self._report(BORN, key, pid)
        return True

    def _prepare(self, machines: str) -> None:
        """Import what nodes will need. Where that fails, each of them says so when it is told what to be."""
        from bayou.worlds.processes import host

        try:
            host.prepare(machines)
        except Exception:  # whatever a module may do when it is imported
            return
        gc.freeze()

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._report(DIED, self._children.pop(pid), os.waitstatus_to_exitcode(status))

    def _report(self, what: bytes, key: int, value: int) -> None:
        try:
            self._channel.sendall(pack(REPORT, what, key, value))
        except OSError:
            pass  # the master is gone, which the next look at the channel will tell

    def _say_goodbye(self) -> None:
        try:
            self._channel.sendall(GOODBYE)
        except OSError:
            pass  # the master is gone

    def _kill_all(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def _detach(kept: int) -> None:
    """Keep none of the master's files but standard error and ``kept``: whoever waits for the end of the
    master's output must not have to wait for a node."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
