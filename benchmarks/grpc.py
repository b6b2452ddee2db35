"""Just enough of HTTP/2 and gRPC to put keys into etcd: one connection, one call under way at a time.

(RFC 9113 for frames, RFC 7541 for headers, of which only literals are sent and none is read.)
"""

from __future__ import annotations

import socket
import struct

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_BYTES = 1 << 14


def field(number: int, value: bytes) -> bytes:
    """Return a field of a protocol buffer that holds bytes."""
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _header(name: bytes, value: bytes) -> bytes:
    """A literal that goes into no table, its name written out; both are shorter than 127 bytes."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Caller:
    """A connection on which one method is called again and again. OSError where it breaks."""

    def __init__(self, port: int, method: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 1)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = b"".join(
            _header(name, value)
            for name, value in (
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", method.encode()),
                (b":authority", b"127.0.0.1"),
                (b"content-type", b"application/grpc"),
                (b"te", b"trailers"),
            )
        )
        self._stream = -1
        self._data = bytearray()
        self._taken = 0
        self._is_answered = False
        self.sock.sendall(PREFACE + _frame(SETTINGS, 0, 0, b""))

    def call(self, message: bytes) -> None:
        """Send a call; its answer is waited for with ``take``."""
        self._stream += 2
        self._is_answered = False
        body = struct.pack(">BI", 0, len(message)) + message
        self.sock.sendall(
            _frame(HEADERS, END_HEADERS, self._stream, self._headers)
            + _frame(DATA, END_STREAM, self._stream, body)
        )

    def take(self) -> bool | None:
        """Read what has come; return whether the call was answered with a message, None where it goes on."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("the connection has ended")
        self._data += data
        ended: bool | None = None
        while len(self._data) >= 9:
            size = int.from_bytes(self._data[:3], "big")
            if len(self._data) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self._data[3:9])
            payload = bytes(self._data[9 : 9 + size])
            del self._data[: 9 + size]
            if self._is_end(kind, flags, stream, payload):
                ended = self._is_answered
        return ended

    def _is_end(self, kind: int, flags: int, stream: int, payload: bytes) -> bool:
        """Take a frame; return whether it ends the answer to the last call."""
        if kind == SETTINGS and not flags & ACK:
            self.sock.sendall(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.sock.sendall(_frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            raise ConnectionResetError("the server wants no more calls")
        elif kind == DATA:
            self._taken += len(payload)
            if self._taken >= WINDOW_BYTES:  # what was read may be sent again
                self.sock.sendall(_frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", self._taken)))
                self._taken = 0
            self._is_answered |= stream == self._stream and len(payload) > 0
        return kind in (DATA, HEADERS) and stream == self._stream and bool(flags & END_STREAM)
