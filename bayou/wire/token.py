"""Tokens: a session's guarantees and vectors as a text, so that another process can go on with it.

A token is neither secret nor signed. Whoever makes one up can only get himself refused: it says what a server
has to cover before it may serve the session.
"""

from __future__ import annotations

from binascii import Error as NoBase64
from binascii import a2b_base64, b2a_base64

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.node.session import Guarantees
from bayou.wire.codec import dump, load
from bayou.wire.columns import pack_vector, unpack_vector
from bayou.wire.errors import WireError
from bayou.wire.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.vector import VersionVector

PREFIX = "bayou1."
CHARACTERS_MAX = 1 << 20
CLUSTER_MAX = 64

_TO_URL = {ord("+"): "-", ord("/"): "_"}
_FROM_URL = {ord("-"): "+", ord("_"): "/"}


class BadToken(BayouError, ValueError):
    """A text that is no token; the message says why."""


class Token(Record):
    """What a token says: which cluster the session belongs to, its guarantees, and its vectors."""

    cluster: str
    guarantees: Guarantees
    reads: VersionVector
    writes: VersionVector


def write_token(token: Token) -> str:
    """Return a token as a text of letters, digits, ``-``, ``_`` and one dot."""
    chosen = tuple(bool(getattr(token.guarantees, name)) for name in Guarantees.field_names)
    plain = (token.cluster, chosen, pack_vector(token.reads), pack_vector(token.writes))
    text = b2a_base64(dump(plain), newline=False).decode().rstrip("=")
    return PREFIX + text.translate(_TO_URL)


def read_token(text: str) -> Token:
    """Return the token that a text stands for; BadToken where it stands for none."""
    body = text.removeprefix(PREFIX)
    if body == text or len(text) > CHARACTERS_MAX or "+" in body or "/" in body:
        raise BadToken(f"{text[:20]!r} is no token of a session: those begin with {PREFIX}")
    try:
        payload = a2b_base64(body.translate(_FROM_URL) + "=" * (-len(body) % 4), strict_mode=True)
        scan(payload)
        cluster, chosen, reads, writes = load(payload)
        if type(cluster) is not str or len(cluster) > CLUSTER_MAX or type(chosen) is not tuple:
            raise WireError("fields of the wrong types")
        if len(chosen) != len(Guarantees.field_names) or any(type(each) is not bool for each in chosen):
            raise WireError("guarantees that are none")
        return Token(cluster, Guarantees(*chosen), unpack_vector(reads), unpack_vector(writes))
    except (WireError, NoBase64, TypeError, ValueError) as error:
        raise BadToken(f"a token of a session that is damaged: {error}") from error
