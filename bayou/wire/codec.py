"""Messages as pickles, and back: only Message, Write, AntiEntropy and plain data (tuples, numbers,
strings, bytes, None and truth values) go in, and nothing else comes out.

What a field may hold is told by its annotation: ``_CODECS`` has a pair of functions for each. Any other is
the name of a Record in the module of the message, alone, optional or in a tuple, whose own fields are told
in the same way. A message that arrives has been checked field by field, records and all.
"""

from __future__ import annotations

import sys
from io import BytesIO

from bayou._lean import Pickler, Unpickler
from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.values import check_value
from bayou.core.write import NOTICE, Write
from bayou.machine.messages import Message
from bayou.node.messages import AntiEntropy, Ask, Reply
from bayou.wire.columns import (
    NAMES_MAX,
    pack_ids,
    pack_name,
    pack_names,
    pack_text,
    pack_vector,
    unpack_ids,
    unpack_name,
    unpack_names,
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

    from bayou.core.values import Value

    Made = TypeVar("Made", bound=Record)
    Codec = tuple[Callable[[Any], object], Callable[[Any], object]]

PROTOCOL = 4
FEW = 4
SHALLOW = 64
"""Up to FEW writes, by servers whose names are no deeper than SHALLOW, are smaller and faster one by one."""

FLOAT_MAX = sys.float_info.max
RECORDS_DEEP = 4
"""How deep records may be nested in a message. No record holds others of its own kind."""


def encode(message: Message) -> bytes:
    """Return a message as a pickle."""
    return dump(message)


def decode(payload: bytes, *, trusted: bool = False) -> Message:
    """Return the message in a pickle; WireError where it is none, whatever else it is.

    ``trusted`` skips the scan for opcodes: for what our own parent process sent.
    """
    if not trusted:
        scan(payload)
    message = load(payload)
    if not isinstance(message, Message):
        raise WireError(f"a {type(message).__name__} where a message is due")
    return message


def dump(value: object) -> bytes:
    """Return plain data, and messages and writes in it, as a pickle."""
    buffer = BytesIO()
    pickler = _Pickler(buffer, PROTOCOL)
    pickler.fast = True  # nothing in a message is worth remembering, and remembering takes an opcode each
    pickler.dump(value)
    return buffer.getvalue()


def load(payload: bytes) -> Any:
    """Return what is in a pickle that was not made by a stranger: plain data, of which nothing has been
    checked, and messages and writes, which have. WireError where there is anything else."""
    try:
        return _Unpickler(BytesIO(payload)).load()
    except BayouError:
        raise
    except Exception as error:  # whatever a pickle may raise: it is no message
        raise WireError(f"no message in the pickle ({type(error).__name__}: {error})") from error


class _Pickler(Pickler):
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, AntiEntropy):
            return AntiEntropy, fields_of(value)
        if isinstance(value, Message):
            return Message, (value.wire_name, *fields_of(value))
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


def fields_of(record: Record) -> tuple[object, ...]:
    """Return the fields of a message, or of a record of any other kind, as plain data."""
    values = record.__dict__
    return tuple([encode(values[name]) for name, (encode, _) in _plan(type(record))])


def make(kind: type[Made], plain: tuple[object, ...]) -> Made:
    """Return the record of this kind whose fields are this plain data; WireError where it can't be."""
    plan = _plan(kind)
    if len(plain) != len(plan):
        raise WireError(f"{kind.__name__} has {len(plan)} fields, not {len(plain)}")
    return kind(*[decode(value) for value, (_, (_, decode)) in zip(plain, plan, strict=True)])


def _make_message(name: object = None, *plain: object) -> Message:
    kind = Message.KINDS.get(name) if isinstance(name, str) else None
    if kind is None or kind is AntiEntropy:
        raise WireError(f"no kind of message: {name!r}")
    return make(kind, plain)


def _make_anti_entropy(*plain: object) -> Message:
    return make(AntiEntropy, plain)


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


def _encode_float(value: float) -> float:
    return _decode_float(float(value))


def _decode_float(plain: object) -> float:
    if type(plain) is not float or not -FLOAT_MAX <= plain <= FLOAT_MAX:  # neither infinite nor no number
        raise WireError(f"{plain!r:.20} where a finite number with a fraction is due")
    return plain


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


def _decode_body(plain: object) -> object:
    if not isinstance(plain, Message):
        raise WireError("an envelope without a message")
    return plain


def _decode_value(plain: object) -> Value:
    try:
        return check_value(unpack_text(plain))
    except ValueError as error:
        raise WireError(str(error)) from error


def _decode_own_value(plain: object) -> Value:
    if plain is None:
        raise WireError("nothing where a value is due")
    return _decode_value(plain)


def _of_kinds(kinds: dict[str, type[Any]]) -> Codec:
    """Return the codec of a field that holds a record of any of these kinds, which travels behind the name of
    its kind. Those that are seldom needed are found when one of them comes."""

    def decode(plain: object) -> object:
        name, *fields = _tuple(plain) or (None,)
        kind = kinds.get(name) if type(name) is str else None
        if kind is None and type(name) is str:
            import bayou.node.asks  # noqa: F401  # it adds its own to the kinds

            kind = kinds.get(name)
        if kind is None:
            raise WireError(f"no kind of ask or reply: {name!r:.40}")
        return make(kind, tuple(fields))

    return lambda record: (type(record).__name__, *fields_of(record)), decode


def _later(module: str, pack_name: str, unpack_name: str) -> Codec:
    """Return the codec of what is seldom on its way: ballots, values of a log, rows of a base. It is found
    when it is first needed, since start-up time counts."""
    found: list[Codec] = []

    def codec() -> Codec:
        if not found:
            from importlib import import_module

            room = import_module(f"bayou.wire.{module}")
            found.append((getattr(room, pack_name), getattr(room, unpack_name)))
        return found[0]

    def pack(value: Any) -> object:
        return codec()[0](value)

    def unpack(plain: Any) -> object:
        return codec()[1](plain)

    return pack, unpack


def _unless_empty(codec: Codec) -> Codec:
    """Return the codec of a tuple that is nearly always empty, which nothing has to be found for."""
    encode, decode = codec
    return (lambda value: encode(value) if value else (), lambda plain: decode(plain) if plain != () else ())


def _of_a_log(kind: str) -> Codec:
    return _later("decrees", f"pack_{kind}", f"unpack_{kind}")


def _tuple(plain: object) -> tuple[Any, ...]:
    if type(plain) is not tuple:
        raise WireError(f"a {type(plain).__name__} where a tuple is due")
    return plain


_CODECS: dict[str, Codec] = {
    "int": _exactly(int),
    "int | None": _exactly(int, optional=True),
    "float": (_encode_float, _decode_float),
    "float | None": _optional((_encode_float, _decode_float)),
    "bool": _exactly(bool),
    "str": (pack_text, unpack_text),
    "str | None": _optional((pack_text, unpack_text)),
    "Collection": (_same, unpack_collection),
    "Value": (pack_text, _decode_own_value),
    "Value | None": _optional((pack_text, _decode_value)),
    "Name": (pack_name, unpack_name),
    "Name | None": _optional((pack_name, unpack_name)),
    "ServerNames": (pack_names, unpack_names),
    "Vote": _later("votes", "pack_vote", "unpack_vote"),
    "Votes": _unless_empty(_later("votes", "pack_votes", "unpack_votes")),
    "VersionVector": (pack_vector, unpack_vector),
    "VersionVector | None": _optional((pack_vector, unpack_vector)),
    "Write": _exactly(Write),
    "Ask": _of_kinds(Ask.KINDS),
    "Reply | None": _optional(_of_kinds(Reply.KINDS)),
    "Versions": _later("versions", "pack_versions", "unpack_versions"),
    "list[BaseRow]": _later("baserows", "pack_rows", "unpack_rows"),
    "Items": (_encode_items, _decode_items),
    "Ballot": _of_a_log("ballot"),
    "Ballot | None": _optional(_of_a_log("ballot")),
    "LogValue": _of_a_log("value"),
    "LogValue | None": _optional(_of_a_log("value")),
    "tuple[LogValue, ...]": _of_a_log("values"),
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

# Records in fields.


class _Nested:
    """The codec of a field that holds records of one kind: ``is_many`` for a tuple of them, all of whose
    fields travel one after another in one tuple.

    The kind is looked up with the first value: what is seldom sent need not be imported before.
    """

    def __init__(self, module: str, name: str, *, is_many: bool) -> None:
        self._module = module
        self._name = name
        self._is_many = is_many
        self._known: type[Record] | None = None

    def kind(self, room: int = RECORDS_DEEP) -> type[Record]:
        """Return the kind; TypeError where the module has no such record, or it does not fit into ``room``
        more levels."""
        kind = getattr(sys.modules[self._module], self._name, None)
        if not isinstance(kind, type) or not issubclass(kind, Record) or _is_base(kind):
            raise TypeError(f"{self._module} has no record called {self._name}, and the wire no codec")
        if not room or (self._is_many and not kind.field_names):
            raise TypeError(f"records of the kind {self._name} are nested too deep, or have nothing in them")
        for name in kind.field_names:
            nested = _nested(*_annotation(kind, name))
            if nested is not None:
                nested[0].kind(room - 1)
        return kind

    def _fields_of(self, record: Record) -> tuple[object, ...]:
        self._known = self._known or self.kind()
        if type(record) is not self._known:
            raise TypeError(f"a {type(record).__name__} where a {self._name} is due")
        return fields_of(record)

    def encode(self, value: Any) -> object:
        """Return a record, or a tuple of records, as plain data."""
        if not self._is_many:
            return self._fields_of(value)
        return tuple([field for record in value for field in self._fields_of(record)])

    def decode(self, plain: object) -> object:
        """Return the record, or records, that this plain data stands for; WireError where it is none."""
        self._known = kind = self._known or self.kind()
        fields = _tuple(plain)
        if not self._is_many:
            return make(kind, fields)
        size = len(kind.field_names)
        return tuple([make(kind, fields[at : at + size]) for at in range(0, len(fields), size)])


def _is_base(kind: type[Record]) -> bool:
    """Whether it is a base of messages, and no kind of message itself."""
    return issubclass(kind, Message) and not kind.wire_name


def _annotation(kind: type[Record], name: str) -> tuple[str, str]:
    """Return how a field is annotated, behind the module where that is."""
    for cls in kind.__mro__:
        annotation = getattr(cls, "__annotations__", {}).get(name)
        if annotation is not None:
            return cls.__module__, annotation
    raise TypeError(f"{kind.__name__} has no field {name}")


def _nested(module: str, annotation: str) -> tuple[_Nested, bool] | None:
    """Return the codec of a field that is annotated so, and whether it is optional; None where it holds no
    records."""
    if annotation in _CODECS:
        return None
    name = annotation.removesuffix(" | None")
    inner = name.removeprefix("tuple[").removesuffix(", ...]")
    if not inner.isidentifier() or name not in (inner, f"tuple[{inner}, ...]"):
        raise TypeError(f"the wire has no codec for {annotation}, as in {module}")
    return _Nested(module, inner, is_many=name != inner), name != annotation


def _codec(kind: type[Record], name: str) -> Codec:
    plain = _CODECS.get(kind.__annotations__.get(name, ""))
    if plain is not None:  # as it is nearly always
        return plain
    module, annotation = _annotation(kind, name)
    found = _nested(module, annotation)
    if found is None:
        return _CODECS[annotation]
    nested, is_optional = found
    codec = (nested.encode, nested.decode)
    return _optional(codec) if is_optional else codec


_PLANS: dict[type[Record], list[tuple[str, Codec]]] = {}


def get_ready(*kinds: type[Record]) -> None:
    """Find out now how these kinds of messages and records travel, and not with the first of each."""
    for kind in kinds:
        _plan(kind)


def _plan(kind: type[Record]) -> list[tuple[str, Codec]]:
    """Return each field of a kind of message or record with its codec; TypeError for a field without one, and
    for a message that has no name on the wire."""
    plan = _PLANS.get(kind)
    if plan is None:
        if _is_base(kind):
            raise TypeError(f"{kind.__name__} is a base of messages, and no message")
        plan = _PLANS[kind] = [(name, _codec(kind, name)) for name in kind.field_names]
    return plan
