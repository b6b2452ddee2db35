"""Programs that write and are killed: what `tests.durable_kills` starts.

    python -m tests.durable_writers session FOLDER ID SEED ADDRESS...
    python -m tests.durable_writers library FOLDER ID SEED ADDRESS...
    python -m tests.durable_writers replica FOLDER ID SEED ADDRESS...

A session moves from server to server by itself, with one request under way at a time, or lets the library do
so where a server is gone (`bayou.connect`); a replica is embedded, and syncs now and then. What write comes
next follows from its number alone (``step``), so that rows tell in the end how many were carried out. Each is
noted in FOLDER/ID.journal: ``try N`` before it leaves, ``ok N`` when it is acknowledged, ``bad ...`` where
something was read that may not be.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import bayou
from bayou.core.values import text_of, text_value
from bayou.host.caller import Caller, CallFailed
from bayou.host.secrets import read_secrets
from bayou.net.address import parse
from bayou.node.messages import OK, Answer, Ask, Delete, Get, Got, Put, Request, Written
from bayou.node.session import Guarantees, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.machine.messages import Message

COLLECTION = "writes"
CYCLE = 5
"""Of so many writes three are of rows of their own, one deletes the last of these, one sets the counter."""

AT_ONCE = 3
PAUSE_S = 0.01
SECRET = "a.bayou-secret"
SYNC_S = 3.0
LONG_S = 300.0


def step(id: str, number: int) -> tuple[str, str | None]:
    """Return the key that write ``number`` (from 1) of a writer changes, and to what; None deletes it."""
    place = number % CYCLE
    if place == 0:
        return f"{id}/counter", str(number)
    if place == CYCLE - 1:
        return f"{id}/{number - 1}", None
    return f"{id}/{number}", f"value {number}"


def rows_after(id: str, count: int) -> dict[str, str]:
    """Return the rows of a writer of which so many writes were carried out."""
    rows: dict[str, str] = {}
    for number in range(1, count + 1):
        key, value = step(id, number)
        if value is None:
            del rows[key]
        else:
            rows[key] = value
    return rows


class Journal:
    """Where a writer notes what it does: what was handed to the system stays when it is killed."""

    def __init__(self, folder: Path, id: str) -> None:
        self._fd = os.open(folder / f"{id}.journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, line: str) -> None:
        os.write(self._fd, f"{line}\n".encode())


class Moving:
    """A session that moves between servers, with all guarantees."""

    def __init__(self, folder: Path, id: str, seed: str, addresses: Sequence[str]) -> None:
        self._folder = folder
        self._id = id
        self._rng = random.Random(seed)
        self._journal = Journal(folder, id)
        self._addresses = list(addresses)
        self._secret = read_secrets(str(folder / SECRET))[0]
        self._session = Session(Guarantees())
        self._session_id = random.SystemRandom().getrandbits(62)
        self._request = 0
        self._done = 0
        self._server = self._rng.choice(self._addresses)
        self._caller: Caller | None = None
        self._seen: dict[str, int] = {}

    def run(self) -> None:
        """Go on until it is killed."""
        while True:
            self._write()
            if self._rng.random() < 0.4:
                self._read()
            if self._rng.random() < 0.1:
                self._move()
            time.sleep(self._rng.random() * PAUSE_S)

    def _write(self) -> None:
        number = self._done + 1
        key, value = step(self._id, number)
        ask = Delete(COLLECTION, key) if value is None else Put(COLLECTION, key, text_value(value))
        self._journal.note(f"try {number}")
        while True:
            answer = self._ask(ask)
            if answer.verdict == OK:
                assert isinstance(answer.reply, Written)
                self._session.has_written(answer.reply.stamp, answer.reply.server)
                self._done = number
                self._journal.note(f"ok {number}")
                return
            self._move()  # it is refused, and was not carried out
            time.sleep(PAUSE_S)

    def _read(self) -> None:
        """Its own counter is just what it has set it to; those of others never go back."""
        others = [path.stem for path in self._folder.glob("*.journal")]
        id = self._id if self._rng.random() < 0.5 else self._rng.choice(others)
        answer = self._ask(Get(COLLECTION, f"{id}/counter"))
        if answer.verdict != OK:
            return
        assert answer.vector is not None
        self._session.has_read(answer.vector)
        assert isinstance(answer.reply, Got)
        value = answer.reply.value
        found = 0 if value is None else int(text_of(value))
        if id == self._id and found != self._done - self._done % CYCLE:
            self._journal.note(f"bad read of its own counter: {found}, after {self._done} writes")
        if found < self._seen.get(id, 0):
            self._journal.note(f"bad read of the counter of {id}: {found}, after {self._seen[id]}")
        self._seen[id] = found

    def _move(self) -> None:
        self._hang_up()
        self._server = self._rng.choice(self._addresses)

    def _hang_up(self) -> None:
        if self._caller is not None:
            self._caller.close()
            self._caller = None

    def _ask(self, what: Ask) -> Answer:
        """Ask the server, again and again under the same number until it answers. A read moves on."""
        self._request += 1
        reads, writes = self._session.demands(is_write=what.is_write)
        request = Request(self._session_id, self._request, what, reads, writes)
        while True:
            try:
                if self._caller is None:
                    self._caller = Caller(parse(self._server), self._secret)
                answer = self._caller.ask(request, self._is_answer)
                assert isinstance(answer, Answer)
                return answer
            except CallFailed:
                self._hang_up()
                time.sleep(PAUSE_S)
                if not what.is_write:
                    self._move()

    def _is_answer(self, message: Message) -> bool:
        return (
            isinstance(message, Answer)
            and message.session == self._session_id
            and message.number == self._request
        )


def connect(folder: Path, id: str, seed: str, addresses: Sequence[str]) -> None:
    """Write in a session of the library, and read, until it is killed."""
    rng = random.Random(seed)
    journal = Journal(folder, id)
    order = rng.sample(list(addresses), len(addresses))
    seen: dict[str, int] = {}
    with bayou.connect(order, secret=folder / SECRET, timeout_s=LONG_S) as session:
        rows = session[COLLECTION]
        done = 0
        while True:
            key, value = step(id, done + 1)
            journal.note(f"try {done + 1}")
            if value is None:
                rows.delete(key)
            else:
                rows[key] = value
            done += 1
            journal.note(f"ok {done}")
            if rng.random() < 0.4:
                others = [path.stem for path in folder.glob("*.journal")]
                each = id if rng.random() < 0.5 else rng.choice(others)
                found = int(rows.get(f"{each}/counter", "0"))
                if each == id and found != done - done % CYCLE:
                    journal.note(f"bad read of its own counter: {found}, after {done} writes")
                if found < seen.get(each, 0):
                    journal.note(f"bad read of the counter of {each}: {found}, after {seen[each]}")
                seen[each] = found
            time.sleep(rng.random() * PAUSE_S)


def embed(folder: Path, id: str, seed: str, addresses: Sequence[str]) -> None:
    """Write to a replica of its own, FOLDER/SLOT.bayou, and sync it now and then, until it is killed."""
    rng = random.Random(seed)
    path = folder / f"{id.split('-')[0]}.bayou"
    db = None
    while db is None:
        try:
            db = bayou.open(path, join=addresses, secret=folder / SECRET)
        except bayou.Unavailable:  # nobody is there to give it a name: all are down just now
            time.sleep(PAUSE_S)
    journal = Journal(folder, id)
    rows = db[COLLECTION]
    _look_back(folder, id, db, journal)
    done = 0
    while True:
        count = AT_ONCE if done % CYCLE == 0 and rng.random() < 0.5 else 1
        steps = [step(id, done + each) for each in range(1, count + 1)]
        journal.note(f"try {done + count}")
        if count > 1:
            rows.update((key, value) for key, value in steps)
        else:
            ((key, value),) = steps
            if value is None:
                del rows[key]
            else:
                rows[key] = value
        done += count
        journal.note(f"ok {done}")
        if rng.random() < 0.02:
            try:
                db.sync(rng.choice(addresses), timeout_s=SYNC_S)
            except bayou.Unavailable:
                pass  # it is down
        time.sleep(rng.random() * PAUSE_S)


def _look_back(folder: Path, id: str, db: bayou.Replica, journal: Journal) -> None:
    """What was acknowledged to the one before it, which used the same file, is in the file."""
    slot, count = id.split("-")
    before = f"{slot}-{int(count) - 1}"
    acknowledged, tried, _ = read_journal(folder / f"{before}.journal")
    found = {row.key: row.value for row in db[COLLECTION].scan(f"{before}/")}
    if all(found != rows_after(before, count) for count in range(acknowledged, tried + 1)):
        journal.note(f"bad file: it has not what {before} was told of, {acknowledged} to {tried} writes")


def read_journal(path: Path) -> tuple[int, int, list[str]]:
    """Return how many writes were acknowledged, how many begun, and what was found to be wrong."""
    acknowledged = tried = 0
    wrong = []
    for line in path.read_text().splitlines() if path.exists() else ():
        what, _, rest = line.partition(" ")
        if what == "try":
            tried = int(rest)
        elif what == "ok":
            acknowledged = int(rest)
        else:
            wrong.append(line)
    return acknowledged, tried, wrong


def main(arguments: Sequence[str]) -> None:
    kind, folder, id, seed, *addresses = arguments
    if kind == "session":
        Moving(Path(folder), id, seed, addresses).run()
    elif kind == "library":
        connect(Path(folder), id, seed, addresses)
    else:
        embed(Path(folder), id, seed, addresses)


if __name__ == "__main__":
    main(sys.argv[1:])
