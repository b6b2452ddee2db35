"""Sessions on hosts with networks of their own (tests.netns), which write and read there whatever becomes of
the network."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

from bayou.core.values import text_of, text_value
from bayou.host.caller import Caller, CallFailed
from bayou.host.secrets import read_secrets
from bayou.net.address import parse
from bayou.node.messages import OK, Answer, Ask, Get, Got, Put, Request, Written
from bayou.node.session import Guarantees, Session

if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from tests.netns import Host

ANSWER_S = 1.0
"""How long a session waits for an answer before it connects again and asks again."""

PATIENCE_S = 3.0
"""How long a session that can go elsewhere asks the same server."""

PAUSE_S = 0.05
WANDERING = 0.05
"""How likely a session goes elsewhere after a write, where it can."""

SHARED = 20
"""How many rows all sessions write to."""


@dataclass
class Figures:
    """What sessions were told. ``acknowledged``: session and value, in the order of the session;
    ``doubtful``: values of writes that may have been carried out, or not."""

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    refused: int = 0
    reads: int = 0
    again: int = 0
    moves: int = 0
    slowest_s: float = 0.0

    def add(self, other: Figures) -> None:
        """Take in what another session was told."""
        self.acknowledged += other.acknowledged
        self.doubtful += other.doubtful
        self.refused += other.refused
        self.reads += other.reads
        self.again += other.again
        self.moves += other.moves
        self.slowest_s = max(self.slowest_s, other.slowest_s)


@dataclass(frozen=True)
class Place:
    """Where a server is, and the file of its secret."""

    address: str
    secret: str


class Writer(Thread):
    """A session with all guarantees, at one of ``places`` at a time, which writes until ``ends`` is set.

    A request without an answer is sent again under its number, to the same server. Where there is another
    one, a session that has waited for long, or was refused, goes there; what became of its write is then
    unknown. AssertionError ends it where it reads anything but what it has written itself.
    """

    def __init__(self, name: str, host: Host, places: list[Place], seed: int, ends: Event) -> None:
        super().__init__(name=name, daemon=True)
        self.figures = Figures()
        self._host = host
        self._places = places
        self._ends = ends
        self._rng = random.Random(f"{seed} {name}")
        self._session = Session(Guarantees())
        self._id = self._rng.getrandbits(62)
        self._number = 0
        self._at = host.number % len(places)
        self._caller: Caller | None = None
        self._own: list[str] = []

    def run(self) -> None:
        self._host.enter()
        try:
            while not self._ends.is_set():
                self._write()
                if self._rng.random() < 0.3:
                    self._read()
                if self._rng.random() < WANDERING:
                    self._move()
                self._ends.wait(self._rng.uniform(0, PAUSE_S))
        finally:
            self._hang_up()

    def _write(self) -> None:
        began = time.monotonic()
        value = f"{self.name}-{self._number}"
        is_own = self._rng.random() < 0.7
        key = value if is_own else f"shared-{self._rng.randrange(SHARED)}"
        answer = self._ask(Put("notes", key, text_value(value)))
        if answer is None:
            self.figures.doubtful.append(value)
        elif answer.verdict == OK:
            assert isinstance(answer.reply, Written)
            self._session.has_written(answer.reply.stamp, answer.reply.server)
            self.figures.acknowledged.append((self.name, value))
            self.figures.slowest_s = max(self.figures.slowest_s, time.monotonic() - began)
            if is_own:
                self._own.append(key)

    def _read(self) -> None:
        """Read what it has written itself, and nobody else writes to."""
        if not self._own:
            return
        key = self._rng.choice(self._own)
        answer = self._ask(Get("notes", key))
        if answer is not None and answer.verdict == OK:
            assert isinstance(answer.reply, Got)
            assert answer.vector is not None
            self._session.has_read(answer.vector)
            value = answer.reply.value
            assert value is not None, f"{key} is gone"
            assert text_of(value) == key
            self.figures.reads += 1

    # Asking.

    def _ask(self, ask: Ask) -> Answer | None:
        """Return the answer of the server where it is; None where there is none, and it has moved on. After
        a refusal it has moved as well."""
        self._number += 1
        request = Request(self._id, self._number, ask, *self._session.demands(is_write=ask.is_write))
        until = time.monotonic() + PATIENCE_S
        is_again = False
        while True:
            self.figures.again += is_again
            try:
                answer = self._connected().ask(request, self._is_answer, ANSWER_S)
            except CallFailed:
                self._hang_up()
                is_again = True
                if len(self._places) > 1 and time.monotonic() >= until:
                    self._move()
                    return None
                self._ends.wait(PAUSE_S)
                continue
            assert isinstance(answer, Answer)
            if answer.verdict != OK:
                self.figures.refused += 1
                self._move()
            return answer

    def _is_answer(self, message: Message) -> bool:
        return isinstance(message, Answer) and (message.session, message.number) == (self._id, self._number)

    def _connected(self) -> Caller:
        if self._caller is None:
            place = self._places[self._at]
            secret = read_secrets(place.secret)[0]
            self._caller = Caller(parse(place.address), secret, within_s=3.0)
        return self._caller

    def _move(self) -> None:
        if len(self._places) > 1:
            self.figures.moves += 1
            self._hang_up()
            self._at = (self._at + self._rng.randrange(1, len(self._places))) % len(self._places)

    def _hang_up(self) -> None:
        if self._caller is not None:
            self._caller.close()
            self._caller = None
