"""TLS around a connection, where it goes over wires that others can listen at.

Both ends show a certificate that the cluster's own authority has signed. It goes around the handshake of
bayou.wire.connection, and does not replace it. Whoever can show a certificate may be at any address, so names
of hosts are not compared with what stands in it.
"""

from __future__ import annotations

import ssl

from bayou.core.errors import BayouError, PeerError

PART_BYTES = 64 << 10
"""How much is encrypted ahead of what a socket takes."""


class TlsError(BayouError):
    """Certificates or keys can't be used; says which file, and why."""


class Tls:
    """The certificate and key of this end, and the authority that has signed those of all others."""

    def __init__(self, cert: str, key: str, ca: str) -> None:
        """All are paths of PEM files. TlsError where one can't be used."""
        self._server = _context(ssl.PROTOCOL_TLS_SERVER, cert, key, ca)
        self._client = _context(ssl.PROTOCOL_TLS_CLIENT, cert, key, ca)

    def end(self, *, dialled: bool) -> TlsEnd:
        """Return one end of a new connection: of the one who dialled, or of the other."""
        return TlsEnd(self._client if dialled else self._server, dialled=dialled)


def _context(protocol: int, cert: str, key: str, ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(cert, key, _no_password)
    except OSError as error:  # ssl.SSLError is one
        raise TlsError(f"the certificate {cert} with the key {key} can't be used: {_words(error)}") from error
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise TlsError(f"the certificate {ca} of the authority can't be used: {_words(error)}") from error
    return context


def _words(error: OSError) -> str:
    return _why(error) if isinstance(error, ssl.SSLError) else error.strerror or str(error)


def _no_password() -> str:
    raise TlsError("a key that is behind a password can't be used: nobody is there to type it")


class TlsEnd:
    """One end of an encrypted connection: what came in goes through ``decrypt``, what is to leave through
    ``encrypt``; ``outgoing`` is what to send, taken from its front by whoever has the socket; ``is_open``:
    whether the handshake is over."""

    def __init__(self, context: ssl.SSLContext, *, dialled: bool) -> None:
        self._incoming = ssl.MemoryBIO()
        self._encrypted = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._encrypted, server_side=not dialled)
        self.is_open = False
        self.outgoing = bytearray()
        self._shake_hands()

    def _shake_hands(self) -> None:
        """Go on with the handshake; PeerError where it fails. What it has to say is queued, an alert too."""
        try:
            self._tls.do_handshake()
            self.is_open = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise PeerError(f"no TLS with it: {_why(error)}") from error
        finally:
            self.outgoing += self._encrypted.read()

    def decrypt(self, data: bytes) -> bytes:
        """Take in bytes from the socket; return what they say, which may be nothing yet."""
        self._incoming.write(data)
        if not self.is_open:
            self._shake_hands()
            if not self.is_open:
                return b""
        said = []
        try:
            while True:
                part = self._tls.read(PART_BYTES)
                if not part:
                    break
                said.append(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError as error:
            raise PeerError(f"no TLS with it: {_why(error)}") from error
        finally:
            self.outgoing += self._encrypted.read()
        return b"".join(said)

    def encrypt(self, plain: bytearray) -> None:
        """Take a part from the front of ``plain``, if the connection is open, and queue it."""
        if self.is_open and plain:
            self._tls.write(bytes(memoryview(plain)[:PART_BYTES]))
            del plain[:PART_BYTES]
            self.outgoing += self._encrypted.read()


def _why(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
