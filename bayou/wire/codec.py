"""Messages as pickles, and back: only Message, Write, AntiEntropy and plain data (tuples, numbers,
strings, bytes, None and truth values) go in, and nothing else comes out.

What a field may hold is told by its annotation; ``_CODECS`` has a pair of functions for each. A message
that arrives has been checked field by field.
"""

from __future__ import annotations

from io import BytesIO

from bayou._lean import Pickler, Unpickler
from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.core.write import NOTICE, Write
from bayou.node.messages import AntiEntropy, End, Message
from bayou.wire.columns import check_write, pack_name, pack_writes, unpack_name, unpack_writes
from bayou.wire.errors import WireError
from bayou.wire.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Codec = tuple[Callable[[Any], object], Callable[[Any], object]]

PROTOCOL = 4


def encode(message: Message) -> bytes:
    """Return a message as a pickle."""
    buffer = BytesIO()
    _Pickler(buffer, PROTOCOL).dump(message)
    return buffer.getvalue()


def decode(payload: bytes, *, trusted: bool = False) -> Message:
    """Return the message in a pickle; WireError where it is none, whatever else it is.

    ``trusted`` skips the scan for opcodes: for what our own parent process sent.
    """
    if not trusted:
        scan(payload)
    try:
        message = _Unpickler(BytesIO(payload)).load()
    except BayouError:
        raise
    except Exception as error:  # whatever a pickle may raise: it is no message
        raise WireError(f"no message in the pickle ({type(error).__name__}: {error})") from error
    if not isinstance(message, Message):
        raise WireError(f"a {type(message).__name__} where a message is due")
    return message


class _Pickler(Pickler):
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, AntiEntropy):
            return AntiEntropy, _encode_fields(value)
        if isinstance(value, Message):
            return Message, (type(value).__name__, *_encode_fields(value))
        if isinstance(value, Write):
            stamp, server, kind, song, content = value
            plain = pack_name(content) if isinstance(content, Name) else content
            return Write, (stamp, pack_name(server), kind, song, plain)
        return NotImplemented


class _Unpickler(Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        maker = _MAKERS.get((module, name))
        if maker is None:
            raise WireError(f"the pickle names {module}.{name}")
        return maker


def _encode_fields(message: Message) -> tuple[object, ...]:
    values = message.__dict__
    return tuple(encode(values[name]) for name, (encode, _) in _plan(type(message)))


def _make(kind: type[Message], plain: tuple[object, ...]) -> Message:
    plan = _plan(kind)
    if len(plain) != len(plan):
        raise WireError(f"{kind.__name__} has {len(plan)} fields, not {len(plain)}")
    return kind(*[decode(value) for value, (_, (_, decode)) in zip(plain, plan, strict=True)])


def _make_message(name: object = None, *plain: object) -> Message:
    kind = Message.KINDS.get(name) if isinstance(name, str) else None
    if kind is None or kind is AntiEntropy:
        raise WireError(f"no kind of message: {name!r}")
    return _make(kind, plain)


def _make_anti_entropy(*plain: object) -> Message:
    return _make(AntiEntropy, plain)


def _make_write(*plain: Any) -> Write:
    if len(plain) != 5 or type(plain[0]) is not int or type(plain[2]) is not int or type(plain[3]) is not str:
        raise WireError("a write with the wrong fields")
    stamp, server, kind, song, value = plain
    if not 0 <= kind <= NOTICE:
        raise WireError("a write of an unknown kind")
    if value is not None and type(value) is not str:
        value = unpack_name(value)
    return check_write(Write(stamp, unpack_name(server), kind, song, value))


_MAKERS: dict[tuple[str, str], Callable[..., object]] = {
    (Message.__module__, "Message"): _make_message,
    (AntiEntropy.__module__, "AntiEntropy"): _make_anti_entropy,
    (Write.__module__, "Write"): _make_write,
}


# A codec for each annotation: to plain data, and back with a check.


def _exactly(kind: type, *, optional: bool = False) -> Codec:
    def decode(plain: object) -> object:
        if type(plain) is kind or (optional and plain is None):
            return plain
        raise WireError(f"a {type(plain).__name__} where {kind.__name__} is due")

    return _same, decode


def _same(value: object) -> object:
    return value


def _optional(codec: Codec) -> Codec:
    encode, decode = codec
    return (
        lambda value: None if value is None else encode(value),
        lambda plain: None if plain is None else decode(plain),
    )


def _encode_vector(vector: VersionVector) -> object:
    return tuple([(stamp, *name.stamps) for name, stamp in vector.items()])


def _decode_vector(plain: object) -> VersionVector:
    entries = {}
    for entry in _tuple(plain):
        stamp, *stamps = _tuple(entry)
        if type(stamp) is not int or not 0 <= stamp <= STAMP_MAX:
            raise WireError("a vector with a stamp out of range")
        entries[unpack_name(tuple(stamps))] = stamp
    return VersionVector(entries)


def _encode_items(items: Items) -> object:
    return items.csn, len(items.committed), pack_writes([*items.committed, *items.tentative])


def _decode_items(plain: object) -> Items:
    csn, split, columns = _tuple(plain)
    writes = unpack_writes(columns)
    if type(csn) is not int or type(split) is not int or csn < 0 or not 0 <= split <= len(writes):
        raise WireError("items with a CSN out of range")
    tentative = writes[split:]
    if any(write.kind == NOTICE for write in tentative):
        raise WireError("a commit notice among the tentative writes")
    return Items(csn, writes[:split], tentative)


def _encode_end(end: End) -> object:
    return end.csn, _encode_vector(end.vector), end.back


def _decode_end(plain: object) -> End:
    csn, vector, back = _tuple(plain)
    if type(csn) is not int or not (back is None or type(back) is int):
        raise WireError("an exchange with a wrong end")
    return End(csn, _decode_vector(vector), back)


def _decode_body(plain: object) -> object:
    if not isinstance(plain, Message):
        raise WireError("an envelope without a message")
    return plain


def _tuple(plain: object) -> tuple[Any, ...]:
    if type(plain) is not tuple:
        raise WireError(f"a {type(plain).__name__} where a tuple is due")
    return plain


def _tuple_of(kind: type) -> Codec:
    def decode(plain: object) -> object:
        if all(type(value) is kind for value in _tuple(plain)):
            return plain
        raise WireError(f"a tuple that holds more than {kind.__name__}")

    return _same, decode


_CODECS: dict[str, Codec] = {
    "int": _exactly(int),
    "int | None": _exactly(int, optional=True),
    "bool": _exactly(bool),
    "str": _exactly(str),
    "str | None": _exactly(str, optional=True),
    "Name": (pack_name, unpack_name),
    "Name | None": _optional((pack_name, unpack_name)),
    "VersionVector": (_encode_vector, _decode_vector),
    "VersionVector | None": _optional((_encode_vector, _decode_vector)),
    "Write": _exactly(Write),
    "Items": (_encode_items, _decode_items),
    "End | None": _optional((_encode_end, _decode_end)),
    "Message": (_same, _decode_body),
    "Message | None": _optional((_same, _decode_body)),
    "tuple[int, ...]": _tuple_of(int),
    "tuple[str, ...]": _tuple_of(str),
    "tuple[Write, ...]": (pack_writes, lambda plain: tuple(unpack_writes(plain))),
}

_PLANS: dict[type[Message], list[tuple[str, Codec]]] = {}


def _plan(kind: type[Message]) -> list[tuple[str, Codec]]:
    """Return each field of a kind of message with its codec (KeyError for an annotation without one)."""
    plan = _PLANS.get(kind)
    if plan is None:
        plan = [(name, _CODECS[kind.__annotations__[name]]) for name in kind.field_names]
        _PLANS[kind] = plan
    return plan
