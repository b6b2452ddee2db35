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
from bayou.core.values import check_value
from bayou.core.write import NOTICE, Write
from bayou.node.messages import Answer, AntiEntropy, End, Message
from bayou.wire.columns import (
    NAMES_MAX,
    pack_ids,
    pack_name,
    pack_text,
    pack_vector,
    unpack_ids,
    unpack_name,
    unpack_text,
    unpack_vector,
)
from bayou.wire.errors import WireError
from bayou.wire.scan import scan
from bayou.wire.writes import pack_write, pack_writes, unpack_collection, unpack_write, unpack_writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from bayou._record import Record
    from bayou.core.values import Value

    Made = TypeVar("Made", bound=Record)
    Codec = tuple[Callable[[Any], object], Callable[[Any], object]]

PROTOCOL = 4
FEW = 4
SHALLOW = 64
"""Up to FEW writes, by servers whose names are no deeper than SHALLOW, are smaller and faster one by one."""


def encode(message: Message) -> bytes:
    """Return a message as a pickle."""
    return _dump(message)


def decode(payload: bytes, *, trusted: bool = False) -> Message:
    """Return the message in a pickle; WireError where it is none, whatever else it is.

    ``trusted`` skips the scan for opcodes: for what our own parent process sent.
    """
    if not trusted:
        scan(payload)
    message = _load(payload)
    if not isinstance(message, Message):
        raise WireError(f"a {type(message).__name__} where a message is due")
    return message


def encode_fields(record: Record) -> bytes:
    """Return the fields of a record of any kind as a pickle."""
    return _dump(_encode_fields(record))


def decode_fields(kind: type[Made], payload: bytes) -> Made:
    """Return the record of this kind whose fields are in a pickle; WireError where they are not."""
    return _make(kind, _tuple(_load(payload)))


def _dump(value: object) -> bytes:
    buffer = BytesIO()
    pickler = _Pickler(buffer, PROTOCOL)
    pickler.fast = True  # nothing in a message is worth remembering, and remembering takes an opcode each
    pickler.dump(value)
    return buffer.getvalue()


def _load(payload: bytes) -> object:
    try:
        return _Unpickler(BytesIO(payload)).load()
    except BayouError:
        raise
    except Exception as error:  # whatever a pickle may raise: it is no message
        raise WireError(f"no message in the pickle ({type(error).__name__}: {error})") from error


class _Pickler(Pickler):
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, AntiEntropy):
            return AntiEntropy, _encode_fields(value)
        if isinstance(value, Message):
            return Message, (type(value).__name__, *_encode_fields(value))
        if isinstance(value, Write):
            return Write, pack_write(value)
        return NotImplemented


class _Unpickler(Unpickler):
    _names = 0

    def _make_write(self, *plain: object) -> Write:
        """Make a write; in all those of a message only so many servers may be named."""
        self._names += sum(len(part) for part in plain if type(part) is tuple)
        if self._names > NAMES_MAX:
            raise WireError("the writes name more servers than any message of ours")
        return unpack_write(*plain)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (Write.__module__, "Write"):
            return self._make_write
        maker = _MAKERS.get((module, name))
        if maker is None:
            raise WireError(f"the pickle names {module}.{name}")
        return maker


def _encode_fields(record: Record) -> tuple[object, ...]:
    values = record.__dict__
    return tuple([encode(values[name]) for name, (encode, _) in _plan(type(record))])


def _make(kind: type[Made], plain: tuple[object, ...]) -> Made:
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


_MAKERS: dict[tuple[str, str], Callable[..., object]] = {
    (Message.__module__, "Message"): _make_message,
    (AntiEntropy.__module__, "AntiEntropy"): _make_anti_entropy,
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


def _encode_writes(writes: Sequence[Write]) -> object:
    """A few writes go as they are, many in columns."""
    return tuple(writes) if len(writes) <= FEW and all(map(_is_shallow, writes)) else pack_writes(writes)


def _is_shallow(write: Write) -> bool:
    return write.server.depth <= SHALLOW and (write.heir is None or write.heir.depth <= SHALLOW)


def _decode_writes(plain: object) -> list[Write]:
    if type(plain) is tuple and len(plain) <= FEW and all(type(write) is Write for write in plain):
        return list(plain)
    return unpack_writes(plain)


def _encode_items(items: Items) -> object:
    return items.csn, len(items.committed), _encode_writes([*items.committed, *items.tentative])


def _decode_items(plain: object) -> Items:
    csn, split, written = _tuple(plain)
    writes = _decode_writes(written)
    if type(csn) is not int or type(split) is not int or csn < 0 or not 0 <= split <= len(writes):
        raise WireError("items with a CSN out of range")
    tentative = writes[split:]
    if any(write.kind == NOTICE for write in tentative):
        raise WireError("a commit notice among the tentative writes")
    return Items(csn, writes[:split], tentative)


def _encode_end(end: End) -> object:
    return end.csn, pack_vector(end.vector), end.back


def _decode_end(plain: object) -> End:
    csn, vector, back = _tuple(plain)
    if type(csn) is not int or not (back is None or type(back) is int):
        raise WireError("an exchange with a wrong end")
    return End(csn, unpack_vector(vector), back)


def _decode_body(plain: object) -> object:
    if not isinstance(plain, Message):
        raise WireError("an envelope without a message")
    return plain


def _decode_value(plain: object) -> Value:
    try:
        return check_value(unpack_text(plain))
    except ValueError as error:
        raise WireError(str(error)) from error


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
    "str": (pack_text, unpack_text),
    "str | None": _optional((pack_text, unpack_text)),
    "Collection": (_same, unpack_collection),
    "Value | None": _optional((pack_text, _decode_value)),
    "Name": (pack_name, unpack_name),
    "Name | None": _optional((pack_name, unpack_name)),
    "VersionVector": (pack_vector, unpack_vector),
    "VersionVector | None": _optional((pack_vector, unpack_vector)),
    "Write": _exactly(Write),
    "Answer": _exactly(Answer),
    "Items": (_encode_items, _decode_items),
    "End | None": _optional((_encode_end, _decode_end)),
    "Message": (_same, _decode_body),
    "Message | None": _optional((_same, _decode_body)),
    "tuple[int, ...]": (pack_ids, unpack_ids),
    "tuple[str, ...]": (
        lambda texts: tuple(map(pack_text, texts)),
        lambda plain: tuple(map(unpack_text, _tuple(plain))),
    ),
    "list[Write]": (_encode_writes, _decode_writes),
    "tuple[Write, ...]": (_encode_writes, lambda plain: tuple(_decode_writes(plain))),
}

_PLANS: dict[type[Record], list[tuple[str, Codec]]] = {}


def _plan(kind: type[Record]) -> list[tuple[str, Codec]]:
    """Return each field of a kind of message with its codec (KeyError for an annotation without one)."""
    plan = _PLANS.get(kind)
    if plan is None:
        plan = [(name, _CODECS[kind.__annotations__[name]]) for name in kind.field_names]
        _PLANS[kind] = plan
    return plan
