"""A server of PySyncObj with clients in its own process, asked by benchmarks.rivals: a line in, a line out.

python -m benchmarks.pysync FOLDER ID PORT...
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from time import monotonic

from pysyncobj import SyncObj, SyncObjConf, replicated

from benchmarks.consensus import HEARTBEAT_S, TEXT
from benchmarks.rivals import CLIENTS, ELECTION_S


class Texts(SyncObj):  # type: ignore[misc]
    """What is replicated: how many texts have come, and the last one."""

    def __init__(self, folder: Path, id: int, ports: list[int]) -> None:
        self.count = 0
        self.last = ""
        places = [f"127.0.0.1:{port}" for port in ports]
        conf = SyncObjConf(
            journalFile=str(folder / f"{id}.journal"),
            fullDumpFile=str(folder / f"{id}.dump"),
            raftMinTimeout=ELECTION_S,
            raftMaxTimeout=2 * ELECTION_S,
            appendEntriesPeriod=HEARTBEAT_S,
            connectionRetryTime=HEARTBEAT_S,
            appendEntriesUseBatch=False,  # which makes one command wait for others
        )
        super().__init__(places[id], places[:id] + places[id + 1 :], conf)
        self.places = places

    @replicated  # type: ignore[untyped-decorator]
    def say(self, text: str) -> int:
        """Take a text; return how many there are."""
        self.count += 1
        self.last = text
        return self.count

    def have_carried_out(self, clients: int, count: int) -> float:
        """Have so many commands carried out, by so many clients that wait each time; return the seconds."""
        left, under_way = count, 0
        changed = threading.Condition()
        began = monotonic()

        def answered(_: object, error: object) -> None:
            nonlocal left, under_way
            with changed:
                under_way -= 1
                left -= not error
                changed.notify()

        while left > 0:
            with changed:
                while under_way >= min(clients, max(left, 1)):
                    changed.wait()
                if left <= 0:
                    break
                under_way += 1
            self.say(TEXT, callback=answered)
        return monotonic() - began


def main(folder: str, id: str, *ports: str) -> None:
    """Answer questions until the input ends."""
    texts = Texts(Path(folder), int(id), [int(port) for port in ports])
    for line in sys.stdin:
        what, *count = line.split()
        if what == "leader":
            leader = None
            while leader is None:
                leader = texts._getLeader()
                threading.Event().wait(0.005)
            print(texts.places.index(str(leader)), flush=True)
        else:
            clients = CLIENTS if what == "crowd" else 1
            print(texts.have_carried_out(clients, int(count[0])), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
