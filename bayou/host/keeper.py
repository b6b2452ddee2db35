"""What a machine makes durable, as batches of a store, and back."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.storage.memory import Memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.machine import Keeping
    from bayou.machine.records import Durable
    from bayou.storage.store import Store


class Keeper:
    """Keeps the records of one machine in a store."""

    def __init__(self, store: Store, keeping: Keeping) -> None:
        self._store = store
        self._keeping = keeping

    def read(self) -> Memory:
        """Return what was kept, as far as it counts; to be called once, before anything is kept. BayouError
        where it can't be had: see Store."""
        try:
            return Memory(self._keeping.restore(self._store.read()))
        except BayouError:
            self._store.close()
            raise

    def keep(self, records: list[Durable]) -> None:
        """Make records durable, in this order and in one batch. What came before one that begins anew is of
        no use any more, so that the batch takes the place of all. StorageFailed where that can't be done."""
        for at in range(len(records) - 1, -1, -1):
            if getattr(records[at], "begins_anew", False):
                self._store.replace(self._keeping.pack(records[at:]))
                return
        self._store.append(self._keeping.pack(records))

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
