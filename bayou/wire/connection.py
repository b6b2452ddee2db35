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
from bayou._record import Record
from bayou.machine.messages import Message
from bayou.wire.codec import decode, encode
from bayou.wire.errors import WireError
from bayou.wire.frames import FRAME_BYTES_MAX, FrameReader, frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.core.name import Name

VERSION = 4
"""Of the handshake, and of what is said in it. Ends of different versions do not talk to each other."""

MAGIC_WORD = b"bayou\x00"
MAGIC = MAGIC_WORD + bytes([VERSION]) + b"\n"
LINK_FRAME_BYTES_MAX = 8 << 20
"""The largest frame that a node takes from another: honest parts of an exchange stay well below."""

NONCE_BYTES = 32
PROOF_BYTES = 32


class Identity(Record):
    """Who somebody is that belongs to a cluster for years, whatever its address.

    - ``cluster``: 128 bits in hexadecimal digits, "" for who has not been told yet;
    - ``name``: a server's name, None as long as it has none, and for clients;
    - ``starts``: how often it was started, this time included; ``boot``: a number drawn at this start. Two
      that have the same name and count, and other numbers, run on copies of one file;
    - ``protocol``: which messages it knows;
    - ``addresses``: where it listens, as HOST:PORT.
    """

    cluster: str
    name: Name | None = None
    starts: int = 0
    boot: int = 0
    protocol: int = 1
    addresses: tuple[str, ...] = ()


class Introduce(Message):
    """Who is at this end: the node's id, whether others connect to it, as to a server, what its machine
    tells of itself, whatever that may be, and who it is beyond this run, None where nothing is."""

    id: int
    is_server: bool
    hello: Message | None = None
    who: Identity | None = None


class TurnedAway(Message):
    """In the place of an introduction, or behind it: there will be no connection, and why."""

    why: str


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

    def __init__(
        self, secret: bytes, nonce: bytes, me: Introduce, *, dialled: bool, accepted: tuple[bytes, ...] = ()
    ) -> None:
        """``nonce`` must be NONCE_BYTES fresh random bytes; ``dialled`` tells which end this is.
        ``accepted``: other secrets that one who dialled may know instead, while the secret is being
        changed."""
        super().__init__(LINK_FRAME_BYTES_MAX)
        self.peer: Introduce | None = None
        self.greeted = False
        self._secret = secret
        self._accepted = accepted
        self._nonce = nonce
        self.me = me
        self.told: Introduce | None = None
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
        if isinstance(message, TurnedAway):
            raise WireError(f"it turned this node away: {message.why}")
        if not isinstance(message, Introduce):
            raise WireError(f"{type(message).__name__} before an introduction")
        self.peer = message
        if not self._dialled:
            self._introduce_itself()

    def _introduce_itself(self) -> None:
        self.told = self.me
        self.send(self.me)

    def turn_away(self, why: str) -> None:
        """Tell the peer, which has introduced itself, that there will be no connection."""
        if not self._dialled:
            self.outgoing.clear()  # so that it does not see an introduction: a connection that is open
        self.send(TurnedAway(why))

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
            self._introduce_itself()
        self._proven = True
        return True

    def _take_hello(self) -> bool:
        if not self._reader.begins_with(MAGIC):
            version = self._reader.byte_behind(MAGIC_WORD)
            if version not in (None, VERSION):
                raise WireError(
                    f"it speaks version {version} of this protocol, and this node version {VERSION}"
                )
            raise WireError("it does not speak this protocol")
        hello = self._reader.take(len(MAGIC) + NONCE_BYTES + (0 if self._dialled else PROOF_BYTES))
        if hello is None:
            return False
        theirs = hello[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
        if not self._dialled:
            self._secret = self._secret_behind(hello[-PROOF_BYTES:], theirs)
        self.greeted = True
        self._nonces = self._nonce + theirs if self._dialled else theirs + self._nonce
        if not self._dialled:
            self.outgoing += MAGIC + self._nonce + self._proof(b"A", self._nonces)
        return True

    def _secret_behind(self, proof: bytes, nonce: bytes) -> bytes:
        """Return which of the accepted secrets the peer knows; WireError where it is none of them."""
        for secret in (self._secret, *self._accepted):
            self._secret = secret
            if compare_digest(proof, self._proof(b"H", nonce)):
                return secret
        raise WireError("it does not know the secret of this cluster")

    def _proof(self, of: bytes, nonces: bytes) -> bytes:
        return blake2s(of + nonces, key=self._secret, digest_size=PROOF_BYTES).digest()
