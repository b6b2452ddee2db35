"""A directory in which the servers of a run keep what they made durable, for runs to come."""

from __future__ import annotations

import os

from bayou._record import Record
from bayou.core.errors import BayouError

NOTE = "run.json"
VERSION = 1


class Kept(Record):
    """What a run finds in its directory: the journal of each server, by id, and how many runs there have
    been before."""

    journals: tuple[str, ...]
    runs: int


def open_directory(path: str, servers: int) -> Kept:
    """Make a directory ready for a run of so many servers, or find there what the last one left; this run is
    counted. BayouError where the directory is of something else, or lacks a journal.

    Who runs there at the same time is told by the locks on the journals: whoever can't have them has counted
    a run too many, which does no harm.
    """
    journals = tuple(os.path.join(path, f"server-{server}.journal") for server in range(servers))
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        runs = _read_note(path, servers)
        if runs == 0:
            _begin(path, journals)
        missing = next((journal for journal in journals if not os.path.exists(journal)), None)
        if missing is not None:
            raise BayouError(
                f"{missing} is missing: restore it from a backup, or begin with a new directory; a server "
                "that has lost what it promised must not come back under its id"
            )
        _write_note(path, servers, runs + 1)
    except OSError as error:
        raise BayouError(
            f"{path}: nothing can be kept there: {error.strerror}; --data names another directory"
        ) from error
    return Kept(journals, runs)


def _read_note(path: str, servers: int) -> int:
    """Return how many runs there have been; BayouError where they were of something else."""
    from json import loads

    name = os.path.join(path, NOTE)
    try:
        with open(name, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return 0
    try:
        note = loads(data)
        if note["bayou"] != "locks" or note["version"] != VERSION:
            raise BayouError(f"{name} is of something else, or of another version: name another directory")
        known, runs = note["servers"], note["runs"]
        if type(known) is not int or type(runs) is not int or runs < 1:
            raise ValueError("no numbers")
    except (ValueError, LookupError, TypeError) as error:
        raise BayouError(
            f"{name} can't be read: restore it from a backup, or name another directory"
        ) from error
    if known != servers:
        raise BayouError(f"{path} is of {known} servers, not {servers}: say --servers {known}")
    return runs


def _begin(path: str, journals: tuple[str, ...]) -> None:
    """Make empty journals, before anything says that there are any."""
    others = [name for name in os.listdir(path) if os.path.getsize(os.path.join(path, name))]
    if others:
        raise BayouError(
            f"{path} has {others[0]}, and no {NOTE}: it is no directory of earlier runs; name a new one"
        )
    for journal in journals:
        os.close(os.open(journal, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _sync(path)


def _write_note(path: str, servers: int, runs: int) -> None:
    from json import dumps

    name = os.path.join(path, NOTE)
    fd = os.open(f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        note = {"bayou": "locks", "version": VERSION, "servers": servers, "runs": runs}
        os.write(fd, dumps(note).encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(f"{name}.new", name)
    _sync(path)


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
