"""What a node of a decree keeps on disk: a handful of records, as a whole, in two files by turns."""

from __future__ import annotations

import os

from bayou.core.errors import BayouError
from bayou.decree.machines import keeping
from bayou.host.keeper import Keeper
from bayou.storage.memory import Memory
from bayou.storage.twofiles import TwoFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.decree.hosts import Hosts
    from bayou.machine.records import Durable

REMEDY = (
    "restore it as it was when the node last ran (an older copy is not enough); where that can't be done, "
    "stop all nodes, remove what all of them keep, and begin another decree"
)
MADE = ".made"
"""Behind the name of a node's folder: a file which says that there was one."""


class DecreeKeeper(Keeper):
    """Writes all that counts anew each time, of each kind of record the last one."""

    def __init__(self, hosts: Hosts, id: int, folder: str) -> None:
        """The state of that node is in ``folder``. BayouError where it has been there, and is gone."""
        mark = folder + MADE
        was_made = os.path.exists(mark)
        if was_made and not os.path.isdir(folder):
            raise BayouError(f"{folder} is gone, and with it what node {id} had promised: {REMEDY}")
        roles = f"{hosts.proposers} proposers, {hosts.acceptors} acceptors, {hosts.learners} learners"
        try:
            os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
        except OSError as error:
            raise BayouError(f"{folder}: can't be made: {error.strerror}; --data names another") from error
        self._two = TwoFiles(folder, f"paxos node {id} of {roles}", may_make=not was_made)
        self._kept = Memory()
        self._mark = mark
        super().__init__(self._two, keeping())

    def read(self) -> Memory:
        self._kept = super().read()
        try:
            os.close(os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise BayouError(f"{self._mark}: can't be made: {error.strerror}") from error
        return self._kept

    def keep(self, records: list[Durable]) -> None:
        self._kept.append(records)
        self._two.replace(self._keeping.pack(self._kept))
