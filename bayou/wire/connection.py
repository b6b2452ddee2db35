"""One end of a connection: bytes in, messages out, and the other way round.

Before anything is unpickled both ends prove that they know the cluster's secret. D dialled, A accepted::

    D -> A   magic, nonce of D, proof("H", nonce of D)
    A -> D   magic, nonce of A, proof("A", nonce of D, nonce of A)
    D -> A   proof("D", nonce of D, nonce of A)

A proof is a keyed BLAKE2s over what it names. The first one tells A at once who may be a friend, so that a
crowd of strangers does not push friends out; as it could be one that somebody overheard, it proves nothing
else. After the others everything is frames, the first of which is an
``Introduce`` from each end: D's at once, A's once it has seen D's. Then the connection is open.
"""

from __future__ import annotations

from bayou._lean import blake2s, compare_digest
from bayou.machine.messages import Message
from bayou.wire.codec import decode, encode
from bayou.wire.errors import WireError
from bayou.wire.frames import FRAME_BYTES_MAX, FrameReader, frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"bayou\x00\x03\n"
LINK_FRAME_BYTES_MAX = 8 << 20
"""The largest frame that a node takes from another: honest parts of an exchange stay well below."""

NONCE_BYTES = 32
PROOF_BYTES = 32


class Introduce(Message):
    """Who is at this end: the node's id, whether others connect to it, as to a server, and what its machine
    tells of itself, whatever that may be."""

    id: int
    is_server: bool
    hello: Message | None = None


class Channel:
    """Messages over a stream whose other end is trusted, such as a socket pair to our own child.

    ``outgoing`` holds the bytes to be sent; whoever owns the socket takes them from its front.
    """

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self.outgoing = bytearray()
        self._reader = FrameReader(size_max=frame_bytes_max)

    @property
    def pending_bytes(self) -> int:
        """How many bytes have come in that are not yet a whole frame."""
        return self._reader.pending_bytes

    @property
    def frames_taken(self) -> int:
        """How many frames have come in whole, and been taken."""
        return self._reader.taken

    @property
    def has_message(self) -> bool:
        """Whether ``receive`` would give out a message without more bytes."""
        return self._reader.has_payload

    def send(self, message: Message) -> bytes:
        """Queue a message, and return the bytes that it is; WireError where it does not fit into a frame."""
        data = frame(encode(message))
        self.outgoing += data
        return data

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take in bytes and give out the messages that they complete.

        Whoever takes only some of them gets the others by calling it again.
        """
        self._reader.feed(data)
        for payload in self._reader.payloads():
            yield decode(payload, trusted=True)


class Connection(Channel):
    """Messages over a stream whose other end has to prove itself first.

    ``peer`` is its introduction once the connection is open, None before; ``me`` is what it is or will be
    told of this end; ``greeted`` tells whether it has said something that only friends can say, or repeat.
    """

    def __init__(self, secret: bytes, nonce: bytes, me: Introduce, *, dialled: bool) -> None:
        """``nonce`` must be NONCE_BYTES fresh random bytes; ``dialled`` tells which end this is."""
        super().__init__(LINK_FRAME_BYTES_MAX)
        self.peer: Introduce | None = None
        self.greeted = False
        self._secret = secret
        self._nonce = nonce
        self.me = me
        self._dialled = dialled
        self._nonces = b""
        self._proven = False
        if dialled:
            self.outgoing += MAGIC + nonce + self._proof(b"H", nonce)

    @property
    def has_message(self) -> bool:
        return self._proven and self._reader.has_payload

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
            self.send(self.me)

    def _take_proof(self) -> bool:
        """Go on with the handshake as far as the bytes at hand allow; return whether the peer is proven."""
        if not self._nonces and not self._take_hello():
            return False
        proof = self._reader.take(PROOF_BYTES)
        if proof is None:
            return False
        if not compare_digest(proof, self._proof(b"A" if self._dialled else b"D", self._nonces)):
            raise WireError("it does not know the secret of this cluster")
        if self._dialled:
            self.outgoing += self._proof(b"D", self._nonces)
            self.send(self.me)
        self._proven = True
        return True

    def _take_hello(self) -> bool:
        if not self._reader.begins_with(MAGIC):
            raise WireError("it does not speak this protocol")
        hello = self._reader.take(len(MAGIC) + NONCE_BYTES + (0 if self._dialled else PROOF_BYTES))
        if hello is None:
            return False
        theirs = hello[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
        if not self._dialled and not compare_digest(hello[-PROOF_BYTES:], self._proof(b"H", theirs)):
            raise WireError("it does not know the secret of this cluster")
        self.greeted = True
        self._nonces = self._nonce + theirs if self._dialled else theirs + self._nonce
        if not self._dialled:
            self.outgoing += MAGIC + self._nonce + self._proof(b"A", self._nonces)
        return True

    def _proof(self, of: bytes, nonces: bytes) -> bytes:
        return blake2s(of + nonces, key=self._secret, digest_size=PROOF_BYTES).digest()
