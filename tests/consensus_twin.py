"""A slow, obvious twin of chat and lock scenarios in lock-step: what every line prints, and which are off.

Losses, doubles and delays change nothing that is printed, so there are none here. Shares no code with the
package. ``run`` takes a whole scenario; a ``ConsensusTwin`` takes one line after another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.consensus_cluster import MASTER, Cluster, Command
from tests.consensus_locks import Table

INPUT = "<stdin>"
NUMBER_MAX = 2**63 - 1
MESSAGE_BYTES_MAX = 64 * 1024
LINE_BYTES_MAX = 64 << 20
INCLUDES_MAX = 16
SERVERS_MAX, CLIENTS_MAX = 99, 999

GENERAL = {"include": (1, True), "expect": (0, True), "wait": (1, False)}
BOTH = {
    "crashServer": (1, False), "restartServer": (1, False), "timeBombLeader": (1, False),
    "lossRate": (1, False), "duplicateRate": (1, False), "reorderRate": (1, False), "delayUpTo": (1, False),
    "allClear": (0, False), "partition": (1, True), "heal": (0, False),
}  # fmt: skip
FAMILIES = {
    "chat": {
        "start": (2, False), "sendMessage": (2, True), "printChatLog": (1, False), "skipSlots": (1, False),
        **BOTH,
    },
    "locks": {
        "startLocks": (2, False), "lock": (2, False), "unlock": (2, False), "crashClient": (1, False),
        "expireClient": (1, False), "printLocks": (0, False), **BOTH,
    },
}  # fmt: skip
"""Commands by name: how many fields each needs, and whether the last takes the rest of the line."""

STORE = [
    "joinServer", "retireServer", "joinClient", "breakConnection", "restoreConnection", "pause", "start",
    "stabilize", "printLog", "put", "get", "delete", "partition", "heal", "crashServer", "crashSoon",
    "restartServer", "loss", "duplicate", "reorder", "delay", "skewClock",
]  # fmt: skip


class OtherFamily(Exception):
    """The scenario is one of the store, of which this twin knows nothing."""


class Off(Exception):
    """The line can't be carried out. Nothing has changed, but for what ``skipSlots`` did not refuse."""


@dataclass
class Outcome:
    """What a scenario came to. A place is ``FILE:NUMBER``, the file of the outermost lines being ``<stdin>``.

    - ``out``: what stands on standard output; ``by_line``: the same by outermost line, ``[[...], ...]``;
    - ``errors``: the places of error lines; ``warnings``: of lines with fields too many, which were carried
      out all the same. A line may be among both, or bring one message only: which is open;
    - ``remarks``: places of commands about locks, each with ``already`` or ``not yours``, in the order in
      which they were answered;
    - ``unmet``: the places of what was expected and did not come, or came and was not expected;
    - ``family``: ``chat``, ``locks``, or empty where no line told it.
    """

    by_line: list[list[str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    family: str = ""

    @property
    def out(self) -> bytes:
        text = "".join(f"{line}\n" for lines in self.by_line for line in lines)
        return text.encode("utf-8", "surrogateescape")

    @property
    def error_lines(self) -> list[int]:
        """The numbers of the error lines in the outermost file."""
        pieces = [place.rpartition(":") for place in self.errors]
        return [int(number) for name, _, number in pieces if name == INPUT]


def run(text: bytes, root: Path = Path()) -> Outcome:
    """Return what becomes of a scenario; ``root`` is where the files are that it includes."""
    twin = ConsensusTwin(root)
    for line in lines_of(text):
        twin.line(line)
    return twin.end()


def lines_of(text: bytes) -> list[bytes]:
    """Return the lines of a scenario, without their ends."""
    lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return lines if lines[-1] else lines[:-1]


def family_of(words: list[str]) -> str | None:
    """Return the family that a file is of whose first command this is, None where it is no command."""
    if words[0] == "start" and len(words) > 2:
        return "chat"
    if words[0] == "startLocks":
        return "locks"
    if words[0] in STORE or any(words[0] in commands for commands in FAMILIES.values()):
        return "store"
    return None


class ConsensusTwin:
    """Takes the lines of a scenario; ``outcome`` is what has come of them so far."""

    def __init__(self, root: Path = Path(), *, forgetful: bool = False) -> None:
        self.root = root
        self.outcome = Outcome()
        self.cluster: Cluster | None = None
        self.expired: set[int] = set()
        self._forgetful = forgetful
        self._places: dict[Command, str] = {}
        self._remarked: set[Command] = set()
        self._files = [INPUT]
        self._number = 0
        self._place = INPUT
        # For expect: what the last command printed and was not compared yet, and whether any of it was.
        self._printed: list[str] = []
        self._compared = False

    def line(self, line: bytes) -> list[str]:
        """Carry out the next line; return what it prints."""
        self._number += 1
        self.outcome.by_line.append([])
        self._one(f"{INPUT}:{self._number}", line)
        return self.outcome.by_line[-1]

    def end(self) -> Outcome:
        """The scenario is over."""
        self._end_expecting()
        return self.outcome

    # One line.

    def _one(self, place: str, line: bytes) -> None:
        self._place = place
        try:
            if len(line) > LINE_BYTES_MAX:
                raise Off
            if line.strip() and not line.lstrip().startswith((b"#", b"//")):
                self._carry_out(line.strip())
        except Off:
            self._begin_expecting()
            self.outcome.errors.append(self._place)

    def _carry_out(self, line: bytes) -> None:
        words = [_text(word) for word in line.split()]
        count, takes_rest = self._find(words)
        fields = [_text(piece) for piece in line.split(None, count)[1:]] if takes_rest else words[1:]
        if len(fields) < count:
            raise Off
        if len(fields) > count and words[0] != "expect":
            self.outcome.warnings.append(self._place)
        if words[0] == "expect":
            self._expect(_text(line[len("expect") :]))
            return
        handler = getattr(self, f"_{words[0]}")
        if words[0] not in (*GENERAL, "start", "startLocks") and self.cluster is None:
            raise Off
        self._begin_expecting()
        printed = handler(*fields[:count])
        if printed:
            self._printed += printed
            self.outcome.by_line[-1] += printed
        if self.cluster is not None:
            self.cluster.come_to_rest()
            self._remark()

    def _find(self, words: list[str]) -> tuple[int, bool]:
        """Return how many fields the command has, and whether the last takes the rest of the line."""
        if words[0] in GENERAL:
            return GENERAL[words[0]]
        if not self.outcome.family:
            told = family_of(words)
            if told is None:
                raise Off
            if told == "store":
                raise OtherFamily(self._place)
            self.outcome.family = told
        commands = FAMILIES[self.outcome.family]
        if words[0] not in commands:
            raise Off
        return commands[words[0]]

    def _remark(self) -> None:
        """Write what a live client was answered, and should not have asked."""
        if self.outcome.family != "locks":
            return
        for name, client in self._up.clients.items():
            for answer in Table(client.view()).answers:
                mine = answer.command.client == name and client.alive
                if mine and answer.text in ("already", "not yours") and answer.command not in self._remarked:
                    self._remarked.add(answer.command)
                    self.outcome.remarks.append((self._places[answer.command], answer.text))

    @property
    def _up(self) -> Cluster:
        """The cluster, once it has been started."""
        if self.cluster is None:
            raise Off
        return self.cluster

    # Fields.

    def _server(self, text: str) -> int:
        return _within(text, 0, len(self._up.servers) - 1)

    def _client(self, text: str) -> int:
        """Return the number of a client that has not crashed."""
        found = self._any_client(text)
        if not self._up.clients[found].alive:
            raise Off
        return found

    def _any_client(self, text: str) -> int:
        return _within(text, 0, len(self._up.clients) - 2)  # the master is not counted

    # Commands of both families.

    def _start(self, servers: str, clients: str) -> None:
        count, others = _within(servers, 1, SERVERS_MAX), _within(clients, 0, CLIENTS_MAX)
        if self.cluster is not None:
            raise Off
        self.cluster = Cluster(count, others, forgetful=self._forgetful)

    _startLocks = _start  # noqa: N815

    def _crashServer(self, server: str) -> None:  # noqa: N802
        found = self._server(server)
        if not self._up.servers[found].alive:
            raise Off
        self._up.crash(found)

    def _restartServer(self, server: str) -> None:  # noqa: N802
        found = self._server(server)
        if self._up.servers[found].alive:
            raise Off
        self._up.restart(found)

    def _timeBombLeader(self, count: str) -> None:  # noqa: N802
        found = _within(count, 0, NUMBER_MAX)
        if self._up.leader is None:
            raise Off
        self._up.arm(found)

    def _rate(self, rate: str) -> None:
        _decimal(rate, 0.9)

    _lossRate = _duplicateRate = _reorderRate = _rate  # noqa: N815

    def _delayUpTo(self, ms: str) -> None:  # noqa: N802
        _decimal(ms, 10_000)

    def _allClear(self) -> None:  # noqa: N802
        pass

    def _partition(self, groups: str) -> None:
        raise Off  # free-running only

    def _heal(self) -> None:
        raise Off  # free-running only

    # Chat.

    def _sendMessage(self, client: str, text: str) -> None:  # noqa: N802
        found = self._client(client)
        if len(_bytes(text)) > MESSAGE_BYTES_MAX:
            raise Off
        self._places[self._up.order(found, (text,))] = self._place

    def _printChatLog(self, client: str) -> list[str]:  # noqa: N802
        view = self._up.clients[self._client(client)].view()
        return [f"{slot} {command.client}: {command.what[0]}" for slot, command in view]

    def _skipSlots(self, slots: str) -> None:  # noqa: N802
        found = [_within(item, 0, NUMBER_MAX) for item in slots.split(",")]
        if self._up.leader is None:
            raise Off
        highest = self._up.highest()
        self._up.skips |= {slot for slot in found if slot > highest}
        if any(slot <= highest for slot in found):
            raise Off

    # Locks.

    def _lock(self, client: str, number: str) -> None:
        found = self._client(client)
        what = ("lock", str(_within(number, 0, NUMBER_MAX)))
        self._places[self._up.order(found, what)] = self._place

    def _unlock(self, client: str, number: str) -> None:
        found = self._client(client)
        what = ("unlock", str(_within(number, 0, NUMBER_MAX)))
        self._places[self._up.order(found, what)] = self._place

    def _crashClient(self, client: str) -> None:  # noqa: N802
        self._up.crash_client(self._client(client))

    def _expireClient(self, client: str) -> None:  # noqa: N802
        found = self._any_client(client)
        if self._up.clients[found].alive or found in self.expired:
            raise Off
        self.expired.add(found)
        self._places[self._up.order(MASTER, ("expireClient", str(found)))] = self._place

    def _printLocks(self) -> list[str]:  # noqa: N802
        known = Cluster(0, 0).clients[MASTER]
        known.known = self._up.told()
        return Table(known.view()).lines()

    # What belongs to all.

    def _wait(self, ms: str) -> None:
        _decimal(ms, 3_600_000)

    def _include(self, name: str) -> None:
        outer, place = self._files[-1], self._place
        path = name if outer == INPUT else str(Path(outer).parent / name)
        if path in self._files or len(self._files) > INCLUDES_MAX or not (self.root / path).is_file():
            raise Off
        self._files.append(path)
        for number, line in enumerate(lines_of((self.root / path).read_bytes()), start=1):
            self._one(f"{path}:{number}", line)
        self._files.pop()
        self._place = place

    def _expect(self, text: str) -> None:
        self._compared = True
        line = self._printed.pop(0) if self._printed else ""
        if line.split() != text.split():
            self.outcome.unmet.append(self._place)

    def _begin_expecting(self) -> None:
        self._end_expecting()
        self._printed, self._compared = [], False

    def _end_expecting(self) -> None:
        if self._compared and self._printed:
            self.outcome.unmet.append(self._place)


def _within(text: str, least: int, most: int) -> int:
    """Return the whole number in a field, in ASCII digits; Off where it is none, or too small or large."""
    if not re.fullmatch("-?[0-9]{1,600}", text, re.ASCII) or not least <= int(text) <= most:
        raise Off
    return int(text)


def _decimal(text: str, most: float) -> float:
    """Return the decimal number from 0 to ``most`` in a field; Off where it is none."""
    pattern = r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
    if not re.fullmatch(pattern, text, re.ASCII) or not 0 <= float(text) <= most:
        raise Off
    return float(text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
