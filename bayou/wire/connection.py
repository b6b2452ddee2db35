"""One end of a connection: bytes in, messages out, and the other way round.

Before anything is unpickled both ends prove that they know the cluster's secret. D dialled, A accepted::

    D -> A   magic, nonce of D
    A -> D   magic, nonce of A, proof("A", nonce of D, nonce of A)
    D -> A   proof("D", nonce of D, nonce of A)

A proof is a keyed BLAKE2s over the three. After it everything is frames, the first of which is an
``Introduce`` from each end: D's at once, A's once it has seen D's. Then the connection is open.
"""

from __future__ import annotations

from bayou._lean import blake2s, compare_digest
from bayou.node.messages import Message
from bayou.wire.codec import decode, encode
from bayou.wire.errors import WireError
from bayou.wire.frames import FrameReader, frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"bayou\x00\x01\n"
LINK_FRAME_BYTES_MAX = 8 << 20
"""The largest frame that a node takes from another: honest parts of an exchange stay well below."""

NONCE_BYTES = 32
PROOF_BYTES = 32


class Introduce(Message):
    """Who is at this end: the node's id, and whether it is a server."""

    id: int
    is_server: bool


class Channel:
    """Messages over a stream whose other end is trusted, such as a socket pair to our own child.

    ``outgoing`` holds the bytes to be sent; whoever owns the socket takes them from its front.
    """

    def __init__(self) -> None:
        self.outgoing = bytearray()
        self._reader = FrameReader()

    @property
    def pending_bytes(self) -> int:
        """How many bytes have come in that are not yet a whole frame."""
        return self._reader.pending_bytes

    def send(self, message: Message) -> None:
        """Queue a message; WireError where it does not fit into a frame."""
        self.outgoing += frame(encode(message))

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take in bytes and give out the messages that they complete."""
        self._reader.feed(data)
        for payload in self._reader.payloads():
            yield decode(payload, trusted=True)


class Connection(Channel):
    """Messages over a stream whose other end has to prove itself first.

    ``peer`` is its introduction once the connection is open, None before.
    """

    def __init__(self, secret: bytes, nonce: bytes, me: Introduce, *, dialled: bool) -> None:
        """``nonce`` must be NONCE_BYTES fresh random bytes; ``dialled`` tells which end this is."""
        super().__init__()
        self.peer: Introduce | None = None
        self._secret = secret
        self._nonce = nonce
        self._me = me
        self._dialled = dialled
        self._nonces = b""
        self._proven = False
        if dialled:
            self.outgoing += MAGIC + nonce

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take in bytes and give out the messages that they complete.

        The peer's introduction is given out too, as the first. Raises WireError where the peer can't
        prove itself or sends what is no message; the connection is then of no more use.
        """
        self._reader.feed(data)
        if not self._proven and not self._take_proof():
            return
        for payload in self._reader.payloads():
            message = decode(payload)
            if self.peer is None:
                self._meet(message)
            yield message

    def _meet(self, message: Message) -> None:
        if not isinstance(message, Introduce):
            raise WireError(f"{type(message).__name__} before an introduction")
        self.peer = message
        if not self._dialled:
            self.send(self._me)

    def _take_proof(self) -> bool:
        """Go on with the handshake as far as the bytes at hand allow; return whether the peer is proven."""
        if not self._nonces and not self._take_hello():
            return False
        proof = self._reader.take(PROOF_BYTES)
        if proof is None:
            return False
        if not compare_digest(proof, self._proof(b"A" if self._dialled else b"D")):
            raise WireError("it does not know the secret of this cluster")
        if self._dialled:
            self.outgoing += self._proof(b"D")
            self.send(self._me)
        self._proven = True
        return True

    def _take_hello(self) -> bool:
        hello = self._reader.take(len(MAGIC) + NONCE_BYTES)
        if hello is None:
            return False
        if not hello.startswith(MAGIC):
            raise WireError("it does not speak this protocol")
        theirs = hello[len(MAGIC) :]
        self._nonces = self._nonce + theirs if self._dialled else theirs + self._nonce
        if not self._dialled:
            self.outgoing += MAGIC + self._nonce + self._proof(b"A")
        return True

    def _proof(self, end: bytes) -> bytes:
        return blake2s(end + self._nonces, key=self._secret, digest_size=PROOF_BYTES).digest()
