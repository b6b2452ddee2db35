"""The last answer to each session in the file of a replica: no part of the log, so truncation never touches
it."""

from __future__ import annotations

import sqlite3

from bayou.node.desk import NUMBERS_FOR_EACH_ANSWER
from bayou.node.records import Answered
from bayou.storage.replica.sums import BadSum, told_sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bayou.storage.replica.database import Database
    from bayou.storage.replica.sums import Servers

SESSIONS_MAX = 10_000
NUMBERS_MAX = NUMBERS_FOR_EACH_ANSWER * SESSIONS_MAX
_WHOLE = 1 << 63
_READ = "SELECT session, number, stamp, server, turn, sum FROM answers"


class Answers:
    """The last answers, a row for each session. As many sessions are remembered as a server remembers numbers
    of (bayou.node.desk), which lets go of the same ones: those that were silent for longest."""

    def __init__(self, database: Database, servers: Servers, *, numbers_max: int = NUMBERS_MAX) -> None:
        self._database = database
        self._servers = servers
        self._numbers_max = numbers_max
        self._slack = max(numbers_max // 10, 1)  # to find the oldest takes a walk through all of them
        self._count_at_most = self._count()

    def _count(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)

    def put(self, answers: Collection[Answered], turn: int) -> None:
        """Keep answers, the last ones of their sessions, each of which was given in the transaction with the
        number ``turn``."""
        rows = []
        for answer in answers:
            server, start = self._servers.number(answer.server)
            told = (_kept(answer.session), _kept(answer.number), answer.stamp)
            rows.append((*told, server, turn, told_sum(*told, turn, start=start)))
        self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._count_at_most += len(rows)
        if self._count_at_most > self._numbers_max + self._slack:
            self._count_at_most = self._count()
            if self._count_at_most > self._numbers_max:
                self._forget()

    def _forget(self) -> None:
        """Forget the sessions that were silent for longest."""
        (turn,) = self._database.execute(
            "SELECT turn FROM answers ORDER BY turn DESC LIMIT 1 OFFSET ?", (self._numbers_max - 1,)
        ).fetchone()
        forgotten = self._database.execute("DELETE FROM answers WHERE turn < ?", (turn,))
        self._count_at_most -= forgotten.rowcount

    def all(self) -> Iterator[Answered]:
        """Give out all answers, the oldest first. StorageError where one can't be read."""
        try:
            for row in self._database.execute(f"{_READ} ORDER BY turn"):
                yield self._answer(*row)
        except (sqlite3.Error, BadSum, TypeError, ValueError) as error:
            self._database.fail(error, is_change=False)

    def damaged(self) -> Iterator[str]:
        """Give out what is wrong with answers."""
        for row in self._database.execute(_READ):
            try:
                self._answer(*row)
            except BadSum as error:
                yield str(error)

    def _answer(
        self, session: int | str, number: int | str, stamp: int, server: int, turn: int, sum: int
    ) -> Answered:
        name, start = self._servers.name(server)
        if told_sum(session, number, stamp, turn, start=start) != sum:
            raise BadSum(f"the answer to session {session} is damaged: its sum is wrong")
        return Answered(_given(session), _given(number), stamp, name)


def _kept(number: int) -> int | str:
    """Return a number as it is kept: as a text where SQLite has none as large. Sessions number themselves."""
    return number if -_WHOLE <= number < _WHOLE else f"{number:x}"


def _given(kept: int | str) -> int:
    return int(kept, 16) if isinstance(kept, str) else kept
