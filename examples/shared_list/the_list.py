"""A list that several people share: what there is in the replica, and what changes it.

An entry is a row of `entries`, its text, and its tick a row of `ticks` with the same key. Were both one
row, then of somebody who ticks off and somebody who renames side by side the later one would win, and take
back what the other has done.

Who changes, ticks off or deletes an entry means the text that he sees. So each of these is a general write
that checks the text. Where somebody else has changed it meanwhile nothing fits, and the write stands among
the conflicts: the page shows what was tried and what there is, and a person takes one of the two. What was
deleted meanwhile needs no tick, and that is no conflict.
"""

from __future__ import annotations

import secrets
import threading
import time
from http import HTTPStatus
from typing import Any

import bayou

ENTRIES, TICKS = "entries", "ticks"
TEXT_MAX = 200


class Refused(Exception):
    """A request that is not carried out."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class SharedList:
    """The list, and whoever waits for changes of it."""

    def __init__(self, db: bayou.Replica) -> None:
        self._db = db
        self._changed = threading.Condition()
        self._version = 0
        self._shown: tuple[int, dict[str, Any]] = (-1, {})

    def watch(self) -> None:
        """Follow the changes of the replica, until that is closed."""
        since: int | None = None
        while True:
            try:
                for change in self._db.changes(since, committed=False):
                    since = change.resume
                    self._tell()
            except bayou.TooOld:
                since = None
            except bayou.Error:
                self._tell()
                return

    def _tell(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Wait for a later version than the one that was seen, but not for ever; return the present one."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, seconds)
            return self._version

    def state(self) -> dict[str, Any]:
        """Return all that the page shows."""
        with self._changed:
            version, shown = self._shown
            if version != self._version:
                shown = {"entries": self._entries(), "conflicts": self._conflicts()}
                self._shown = (self._version, shown)
        status = self._db.status()
        return {
            **shown,
            "connected": len(status["connected"]),
            "is_primary": status["is_primary"],
            "waiting": sum(entry["is_pending"] for entry in shown["entries"]),
        }

    def _entries(self) -> list[dict[str, Any]]:
        """Return the entries as they are seen, and those whose deletion is not committed yet."""
        ticks = {row.key: row for row in self._db[TICKS].scan()}
        seen = {row.key: row for row in self._db[ENTRIES].scan() if isinstance(row.value, str)}
        going = {row.key: row for row in self._db[ENTRIES].scan(committed=True) if isinstance(row.value, str)}
        shown = []
        for key, row in sorted((going | seen).items()):
            tick = ticks.get(key)
            is_there = key in seen
            is_pending = not (is_there and row.committed and (tick is None or tick.committed))
            shown.append(
                {
                    "key": key,
                    "text": row.value,
                    "is_done": tick is not None and tick.value is True,
                    "is_pending": is_pending,
                    "is_going": not is_there,
                }
            )
        return shown

    def _conflicts(self) -> list[dict[str, Any]]:
        """Return what was tried and did not fit, with what there is now; ``is_pending``: it may still fit."""
        shown = []
        for conflict in self._db.conflicts():
            tried = what_was_tried(conflict.body)
            if tried is not None:
                shown.append(
                    {
                        **tried,
                        "id": str(conflict.write),
                        "now": self._now(tried["key"]),
                        "is_ours": conflict.write.server == self._db.name,
                        "is_pending": not conflict.committed,
                    }
                )
        return shown

    def _now(self, key: str) -> str | None:
        text = self._db[ENTRIES].get(key)
        return text if isinstance(text, str) else None

    # What people do.

    def add(self, text: object) -> None:
        # Keys are in the order of time, and no two machines make the same one.
        key = f"{int(time.time() * 1000):014d}-{secrets.token_hex(4)}"
        self._db[ENTRIES].put(key, checked(text))
        self._tell()  # whoever changes something sees it at once, and not when the watcher has come to it

    def tick(self, key: str, was: str, is_done: bool) -> None:
        self._there(key)
        self._write(ticking(key, was, is_done))

    def rename(self, key: str, was: str, text: object) -> None:
        self._there(key)
        self._write(renaming(key, was, checked(text)))

    def delete(self, key: str, was: str) -> None:
        self._there(key)
        self._write(deleting(key, was))

    def _write(self, write: bayou.Write) -> None:
        self._db.write(write)
        self._tell()

    def _there(self, key: str) -> None:
        if self._now(key) is None:
            raise Refused(HTTPStatus.NOT_FOUND, "Somebody has deleted this entry.")

    def settle(self, id: str, takes: str, now: str | None) -> None:
        """End a conflict: by what was tried (``mine``), against the text that the person saw, ``now``; or by
        what there is (``theirs``)."""
        found = (conflict for conflict in self._db.conflicts() if str(conflict.write) == id)
        conflict = next(found, None)
        tried = None if conflict is None else what_was_tried(conflict.body)
        if conflict is None or tried is None:
            raise Refused(HTTPStatus.NOT_FOUND, "Somebody has settled this already.")
        if not conflict.committed:
            raise Refused(HTTPStatus.CONFLICT, "This may still settle itself: wait until it is final.")
        if takes == "mine":
            again = tried_again(tried, now)
            if again is not None:
                self._db.write(again)
        self._db.resolve(conflict)
        self._tell()


def checked(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise Refused(HTTPStatus.BAD_REQUEST, "An entry has a text.")
    if len(text) > TEXT_MAX:
        raise Refused(HTTPStatus.BAD_REQUEST, f"An entry has up to {TEXT_MAX} characters.")
    return " ".join(text.split())


# The general writes, and back from one to what a person did.


def ticking(key: str, was: str, is_done: bool) -> bayou.Write:
    write = bayou.Write("tick").set(TICKS, key, is_done).if_is(ENTRIES, key, was)
    return write.otherwise().if_absent(ENTRIES, key)


def renaming(key: str, was: str, text: str) -> bayou.Write:
    write = bayou.Write("rename").set(ENTRIES, key, text).if_is(ENTRIES, key, was)
    return write.otherwise().if_is(ENTRIES, key, text)  # somebody has done the same


def deleting(key: str, was: str) -> bayou.Write:
    write = bayou.Write("delete").delete(ENTRIES, key).delete(TICKS, key).if_is(ENTRIES, key, was)
    return write.otherwise().if_absent(ENTRIES, key)


def what_was_tried(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the body of one of these writes says; None for a write of another program."""
    match body:
        case {"do": [["set", "ticks", str(key), bool(is_done)]], "if": [["is", "entries", _, str(was)]]}:
            return {"does": "tick", "key": key, "was": was, "is_done": is_done}
        case {"do": [["set", "entries", str(key), str(text)]], "if": [["is", "entries", _, str(was)]]}:
            return {"does": "rename", "key": key, "was": was, "text": text}
        case {"do": [["set", "entries", str(key), str(text)]], "if": [["absent", "entries", _]]}:
            return {"does": "rename", "key": key, "was": None, "text": text}  # brought back
        case {"do": [["delete", "entries", str(key)], _], "if": [["is", "entries", _, str(was)]]}:
            return {"does": "delete", "key": key, "was": was}
    return None


def tried_again(tried: dict[str, Any], now: str | None) -> bayou.Write | None:
    """Return the write that does it after all, to the text that there is now; None where there is none."""
    key = tried["key"]
    if tried["does"] == "rename":
        if now is None:  # deleted meanwhile: it comes back
            return bayou.Write("rename").set(ENTRIES, key, tried["text"]).if_absent(ENTRIES, key)
        return renaming(key, now, tried["text"])
    if now is None:
        return None
    return ticking(key, now, tried["is_done"]) if tried["does"] == "tick" else deleting(key, now)
