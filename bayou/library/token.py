"""What a session has seen and written, as a text that another session goes on from.

``bayou1.`` and, in URL-safe base64, JSON: the cluster, the guarantees, and both vectors. It is not secret and
not signed: whoever makes one up can only get himself refused.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import InvariantBroken
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.library.records import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name

PREFIX = "bayou1."
CHARACTERS_MAX = 1 << 20


class Token(Record):
    """What is in one: ``guarantees`` as bayou.node.session reads them."""

    cluster: str
    guarantees: str
    reads: VersionVector
    writes: VersionVector


def written(token: Token) -> str:
    """Return a token as a text."""
    import json
    from base64 import urlsafe_b64encode

    plain = [token.cluster, token.guarantees, _pairs(token.reads), _pairs(token.writes)]
    text = json.dumps(plain, separators=(",", ":"))
    return PREFIX + urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(text: str) -> Token:
    """Return what is in a token; ValueError where it is none."""
    import json
    from base64 import urlsafe_b64decode

    if not isinstance(text, str):
        raise TypeError(f"a {type(text).__name__} as a token, where a text is due")
    try:
        if not text.startswith(PREFIX) or len(text) > CHARACTERS_MAX:
            raise ValueError(f"it begins with {PREFIX}")
        packed = text[len(PREFIX) :].encode("ascii")
        plain = json.loads(urlsafe_b64decode(packed + b"=" * (-len(packed) % 4)))
        cluster, guarantees, reads, writes = plain
        if type(cluster) is not str or type(guarantees) is not str:
            raise ValueError("a text is due")
        found = Token(cluster, guarantees, _vector(reads), _vector(writes))
        found.reads.check()
    except (ValueError, TypeError, AttributeError, RecursionError, InvariantBroken) as error:
        raise ValueError(f"{text!r:.40} is no token of a session: {error}") from error
    return found


def _pairs(vector: VersionVector) -> list[list[object]]:
    return [[repr(name), stamp] for name, stamp in zip(vector.names, vector.stamps, strict=True)]


def _vector(pairs: list[tuple[str, int]]) -> VersionVector:
    entries: dict[Name, int] = {}
    for name, stamp in pairs:
        if type(stamp) is not int or not 0 <= stamp <= STAMP_MAX:
            raise ValueError(f"{stamp!r:.40} is no stamp")
        entries[name_of(name)] = stamp
    return VersionVector(entries)
