"""Length-prefixed frames: four bytes, big-endian, then as many bytes of payload."""

from __future__ import annotations

from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME_BYTES_MAX = 64 << 20
PREFIX_BYTES = 4
LONG_BYTES = 1 << 16


def frame(payload: bytes) -> bytes:
    """Return ``payload`` as a frame; WireError where it is too long for one."""
    if len(payload) > FRAME_BYTES_MAX:
        raise WireError(f"a frame of {len(payload)} bytes; {FRAME_BYTES_MAX} is the limit")
    return len(payload).to_bytes(PREFIX_BYTES, "big") + payload


class FrameReader:
    """Takes bytes as they arrive, cut anywhere, and gives out whole payloads, ``taken`` of them so far.

    The rest of a long frame is kept in pieces as they come: a buffer that grew with it would be moved again
    and again, and leave holes in the memory where it stood.
    """

    __slots__ = ("_buffer", "_missing", "_rest", "_size_max", "taken")

    def __init__(self, *, size_max: int = FRAME_BYTES_MAX) -> None:
        self._buffer = bytearray()
        self._rest: list[bytes] = []
        self._missing = 0
        self._size_max = size_max
        self.taken = 0

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        if not self._missing:
            self._buffer += data
            return
        self._rest.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._buffer += b"".join(self._rest)
            self._rest.clear()
            self._missing = 0

    def take(self, count: int) -> bytes | None:
        """Take ``count`` raw bytes, as before the first frame; None while there are fewer."""
        if len(self._buffer) < count:
            return None
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def payloads(self) -> Iterator[bytes]:
        """Give out each complete payload; WireError, before its body is awaited, for one too large."""
        buffer = self._buffer
        while len(buffer) >= PREFIX_BYTES and not self._missing:
            size = int.from_bytes(buffer[:PREFIX_BYTES], "big")
            if size > self._size_max:
                raise WireError(f"a frame of {size} bytes; {self._size_max} is the limit")
            end = PREFIX_BYTES + size
            if len(buffer) < end:
                if size > LONG_BYTES:
                    self._missing = end - len(buffer)
                return
            payload = bytes(memoryview(buffer)[PREFIX_BYTES:end])
            del buffer[:end]
            self.taken += 1
            yield payload

    @property
    def has_payload(self) -> bool:
        """Whether a whole payload is there, or the beginning of one that is too large."""
        size = int.from_bytes(self._buffer[:PREFIX_BYTES], "big") + PREFIX_BYTES
        waiting = len(self._buffer)
        return waiting >= PREFIX_BYTES and (waiting >= size or size > self._size_max + PREFIX_BYTES)

    def begins_with(self, expected: bytes) -> bool:
        """Whether what is there is, as far as it goes, ``expected``."""
        return self._buffer.startswith(expected) or expected.startswith(self._buffer[: len(expected)])

    def byte_behind(self, expected: bytes) -> int | None:
        """Return the byte that comes behind ``expected`` where what is there begins so, otherwise None."""
        if self._buffer.startswith(expected) and len(self._buffer) > len(expected):
            return self._buffer[len(expected)]
        return None

    @property
    def pending_bytes(self) -> int:
        """How many bytes are waiting for the rest of their frame."""
        pending = len(self._buffer)
        return pending + sum(map(len, self._rest)) if self._rest else pending
