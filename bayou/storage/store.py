"""What a store of batches is: what keeps the state of one node through crashes, on whatever medium.

A batch is bytes: a store knows nothing of what is in them. Each store has the same four calls, in this order:
``read`` once, then ``append`` and ``replace`` as often as wanted, then ``close``. ``StoreBase`` sees to that
order, and to what follows a failed write; each medium derives from it.
"""

from __future__ import annotations

from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS

from bayou._statuses import EXIT_DAMAGED, EXIT_IN_USE, EXIT_IO
from bayou.core.errors import BayouError, Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, NoReturn, Protocol

    class Store(Protocol):
        """Keeps batches. ``size_bytes`` is what they take where they are kept, and ``place`` says where."""

        place: str

        @property
        def size_bytes(self) -> int:
            """Return how many bytes of the medium are taken."""

        def read(self) -> list[bytes]:
            """Return all batches that count, the oldest first. To be called once, before anything else.

            What it returns is durable: a crash of the machine does not take it away again. Raises
            StorageDamaged, StorageForeign or StorageInUse, and then leaves what it found as it was;
            StorageFailed where the medium fails.
            """

        def append(self, batch: bytes) -> None:
            """Add a batch, which is durable when this returns. After a crash within this call it is there as
            a whole or not at all. StorageFailed where it can't be written: nothing more can be then."""

        def replace(self, batch: bytes) -> None:
            """Put this batch in the place of all that there are. Durable when this returns; after a crash
            within this call either it is there, or what it was to replace. Errors as for ``append``."""

        def close(self) -> None:
            """Let go of the medium; nothing is lost by not calling it. May be called twice."""


BATCH_BYTES_MAX = (1 << 31) - 1

REMEDY = (
    "restore it as it was when the node last ran (an older copy is not enough: the node would break its "
    "word), or, in a program of one's own, let a new id take the node's place through ChangeMembers"
)
"""What can be done where a node's state is lost."""


class StorageError(BayouError):
    """What is kept can't be used; says where, why, and what to do. ``exit_status`` is that of a program which
    ends by it."""

    exit_status: ClassVar[int] = EXIT_IO


class StorageFailed(StorageError):
    """The medium failed: a full disk, a failed sync. What was to be written last may be durable or not, so
    the node has to end; it can be started again once the cause is gone."""


class StorageFull(StorageFailed):
    """There is no room left."""


class StorageDamaged(StorageError):
    """Something is missing, or is not as it was written, and no crash can have left it so."""

    exit_status = EXIT_DAMAGED


class LostMemory(StorageError):
    """What is kept is whole, but older than what its server has told others already."""

    exit_status = EXIT_DAMAGED


class StorageForeign(StorageError):
    """It was made for another node or another purpose, or by another version."""

    exit_status = EXIT_DAMAGED


class InUse(StorageError):
    """Another process has it open."""

    exit_status = EXIT_IN_USE


StorageInUse = InUse


def failure(place: str, error: OSError) -> StorageFailed:
    """Return what to say of an error of the operating system: the file, the reason and the remedy."""
    name = error.filename if isinstance(error.filename, str) else place
    if error.errno in (ENOSPC, EDQUOT):
        remedy = "make room there, then start the node again"
    elif error.errno == EFBIG:
        remedy = "raise the limit on the size of files (ulimit -f), then start the node again"
    elif error.errno == EIO:
        remedy = "the disk may be failing: look at the system's log before the node is started again"
    elif error.errno == EROFS:
        remedy = "let it be writable, then start the node again"
    else:
        remedy = "see to it, then start the node again"
    return StorageFailed(f"{name} can't be used: {error.strerror or error}; {remedy}")


_UNREAD, _OPEN, _CLOSED = range(3)


class StoreBase:
    """The order of calls, the same for all media.

    A write that fails ends the store: after a failed sync nobody knows what the medium has, and the system
    may say of the next sync that all is well. Every later call raises the same error. A medium fills in
    ``_read``, ``_append``, ``_replace`` and ``_release``, which may raise OSError or StorageError.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._stage = _UNREAD
        self._failure: StorageFailed | None = None

    def read(self) -> list[bytes]:
        if self._stage != _UNREAD:
            raise Misuse(f"{self.place} has been read already")
        self._stage = _OPEN
        try:
            return self._read()
        except OSError as error:
            self.close()
            raise failure(self.place, error) from error
        except BaseException:
            self.close()
            raise

    @property
    def size_bytes(self) -> int:
        raise NotImplementedError

    def append(self, batch: bytes) -> None:
        self._require_usable(batch)
        try:
            self._append(batch)
        except BaseException as error:
            self._fail(error)

    def replace(self, batch: bytes) -> None:
        self._require_usable(batch)
        try:
            self._replace(batch)
        except BaseException as error:
            self._fail(error)

    def close(self) -> None:
        if self._stage != _CLOSED:
            self._stage = _CLOSED
            self._release()

    def _require_usable(self, batch: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if self._stage != _OPEN:
            raise Misuse(f"{self.place} is {'closed' if self._stage == _CLOSED else 'to be read first'}")
        if len(batch) > BATCH_BYTES_MAX:
            raise ValueError(f"a batch of {len(batch)} bytes; {BATCH_BYTES_MAX} is the limit")

    def _fail(self, error: BaseException) -> NoReturn:
        """Let nothing more be written, and tell why."""
        if isinstance(error, OSError):
            self._failure = failure(self.place, error)
            raise self._failure from error
        if isinstance(error, StorageFailed):
            self._failure = error
        else:  # an interrupt, say: what was being written may be there or not
            self._failure = StorageFailed(f"{self.place}: a write was broken off; start the node again")
        raise error

    def _read(self) -> list[bytes]:
        raise NotImplementedError

    def _append(self, batch: bytes) -> None:
        raise NotImplementedError

    def _replace(self, batch: bytes) -> None:
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError
