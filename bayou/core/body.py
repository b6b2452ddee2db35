"""Bodies of general writes: what a write expects of the rows, what it does to them, and what to do where they
are otherwise (Terry '95, "Dependency checks", "Merge procedures").

A body is data: a name and some **alternatives**, the first of which is the update with its dependency check,
the others the merge procedure. It travels, is kept and is compared as one text in canonical form::

    {"name": TEXT, "do": [UPDATE...], "if": [CONDITION...], "else": [ALTERNATIVE...]}

An alternative may have ``"call": [FUNCTION, VERSION], "args": VALUE`` in the place of ``"do"``; ``if`` and
``else`` are left out where they are empty. Updates and conditions are lists that begin with a word:

- ``set C K VALUE``, ``delete C K``, ``new C K VALUE``, ``add C K N``, ``insert C K TEXT``, ``remove C K
  TEXT``;
- ``is C K VALUE``, ``absent C K``, ``present C K``, ``meets C K WHERE``, ``atmost N C PREFIX WHERE``,
  ``atleast N C PREFIX WHERE``.

WHERE is a list of ``[FIELD, OP, SCALAR]``. What is checked here once need not be checked where a body is
executed (bayou.core.execute).
"""

from __future__ import annotations

from bayou._record import Record
from bayou.core.rows import CONFLICTS, PLAYLIST, BadRow, check_collection, check_row
from bayou.core.values import DEPTH_MAX, canonical, size_bytes, stands_for_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.values import Value

    Where = tuple[str, str, str]
    """One condition on a row: field of the object that its value is (``.``: the value itself), operator, and
    a scalar, which is held in canonical form: 1, 1.0, "1" and true are four."""

    Query = tuple[str, str, tuple[Where, ...]]
    """The rows of a collection whose keys begin with a prefix and that meet all these conditions."""

BODY_BYTES_MAX = 1 << 16
NAME_CHARACTERS_MAX = 64
ALTERNATIVES_MAX = 64
STEPS_MAX = 256
"""How many conditions and updates a body may have in all."""

WHOLE_MAX = (1 << 63) - 1
ITSELF = "."
"""The field that stands for the value itself."""
EQUAL = "="
OPERATORS = (EQUAL, "!=", "<", "<=", ">", ">=")

IS, ABSENT, PRESENT, MEETS, ATMOST, ATLEAST = "is", "absent", "present", "meets", "atmost", "atleast"
SET, DELETE, NEW, ADD, INSERT, REMOVE = "set", "delete", "new", "add", "insert", "remove"

CALLS = '"call":['
"""What stands in the text of each body that calls a function."""

_BODY_DEPTH = DEPTH_MAX + 5
"""How deep a body may nest: a value stands in an update, in a list of them, in an alternative, in a list."""


class BadBody(ValueError):
    """A body that is wrong in itself; the message says what is."""


class Condition(Record):
    """A dependency check: what is expected of one row, or of a query.

    ``word`` is IS (with ``value``), ABSENT, PRESENT or MEETS for the row ``key``, for which ``where`` has the
    conditions of MEETS; ATMOST or ATLEAST ``count`` for the query with the prefix ``key``.
    """

    word: str
    collection: str
    key: str
    value: str
    where: tuple[Where, ...]
    count: int


class Update(Record):
    """One change of a row: ``word`` is SET or NEW (with ``value``), DELETE, ADD (``count``), INSERT or REMOVE
    (``text``)."""

    word: str
    collection: str
    key: str
    value: str
    text: str
    count: int


class Call(Record):
    """A merge procedure in Python: the function of that name and version, and its arguments (a value)."""

    function: str
    version: int
    args: str


class Alternative(Record):
    """What may be done, and when: conditions, and updates or a call (then ``updates`` is empty)."""

    conditions: tuple[Condition, ...]
    updates: tuple[Update, ...]
    call: Call | None


class Body(Record):
    """A body, checked: its name, its alternatives, and the text in canonical form that it is."""

    name: str
    alternatives: tuple[Alternative, ...]
    text: str

    @property
    def needs(self) -> tuple[tuple[str, int], ...]:
        """The functions, by name and version, without which it can't be executed."""
        return tuple(
            (each.call.function, each.call.version) for each in self.alternatives if each.call is not None
        )


_parsed: dict[str, Body] = {}
_PARSED_MAX = 256
"""How many of the bodies parsed last are kept: one is executed again soon, where it is at all."""


def body_of(text: str) -> Body:
    """Return the body whose canonical form this is; BadBody, which says why, where it is none.

    >>> body_of('{"do":[["set","notes","a",1]],"name":"n"}').alternatives[0].updates[0].value
    '1'
    >>> body_of('{"name":"n", "do":[]}')
    Traceback (most recent call last):
    bayou.core.body.BadBody: a body that is not in canonical form: {"do":[],"name":"n"}
    """
    body = _parsed.get(text)
    if body is None:
        if len(text) > BODY_BYTES_MAX:
            raise BadBody(f"a body of {len(text)} characters; {BODY_BYTES_MAX} bytes are the limit")
        import json

        try:
            plain = json.loads(text)
        except RecursionError:
            raise BadBody("a body that nests too deep") from None
        except ValueError as error:
            raise BadBody(f"a body that is no JSON: {error}") from None
        body = made_body(plain)
        if body.text != text:
            raise BadBody(f"a body that is not in canonical form: {body.text[:80]}")
        while len(_parsed) >= _PARSED_MAX:
            del _parsed[next(iter(_parsed))]
        _parsed[text] = body
    return body


def made_body(plain: object) -> Body:
    """Return the body that a JSON object describes; BadBody, which says why, where it describes none.

    >>> made_body({"name": "n", "do": [["add", "stock", "tea", -1]], "if": []}).text
    Traceback (most recent call last):
    bayou.core.body.BadBody: an empty "if" or "else": it is left out
    """
    try:
        text = canonical(plain, _BODY_DEPTH)
    except (TypeError, ValueError) as error:
        raise BadBody(f"a body that can't be: {error}") from None
    if not stands_for_text(text):
        raise BadBody("a text in it that stands for no bytes")
    size = size_bytes(text)
    if size > BODY_BYTES_MAX:
        raise BadBody(f"a body of {size} bytes; {BODY_BYTES_MAX} are the limit")
    if type(plain) is not dict:
        raise BadBody("a body that is no object")
    name = plain.get("name")
    if type(name) is not str or not 0 < len(name) <= NAME_CHARACTERS_MAX:
        raise BadBody(f"a name that is no text of 1 to {NAME_CHARACTERS_MAX} characters")
    others = plain.get("else", [])
    if type(others) is not list or ("else" in plain and not others):
        raise BadBody('an empty "if" or "else": it is left out' if others == [] else '"else" is no list')
    if 1 + len(others) > ALTERNATIVES_MAX:
        raise BadBody(f"{1 + len(others)} alternatives; {ALTERNATIVES_MAX} are the limit")
    first = {key: value for key, value in plain.items() if key not in ("name", "else")}
    alternatives = tuple(_alternative(each) for each in (first, *others))
    steps = sum(len(each.conditions) + len(each.updates) for each in alternatives)
    if steps > STEPS_MAX:
        raise BadBody(f"{steps} conditions and updates; {STEPS_MAX} are the limit")
    return Body(name, alternatives, text)


def made_updates(plain: object) -> tuple[Update, ...]:
    """Return the updates that a list describes, as in ``do``; BadBody where it describes none."""
    if type(plain) is not list:
        raise BadBody('"do" is no list')
    return tuple(_update(each) for each in plain)


def where_of(plain: object) -> tuple[Where, ...]:
    """Return the conditions on a row that a list describes; BadBody where it describes none."""
    if type(plain) is not list:
        raise BadBody("conditions on a row that are no list")
    return tuple(_where(each) for each in plain)


def _alternative(plain: object) -> Alternative:
    if type(plain) is not dict:
        raise BadBody("an alternative that is no object")
    unknown = sorted(plain.keys() - {"do", "if", "call", "args"})
    if unknown:
        raise BadBody(f"a field {unknown[0]!r}, which a body does not have")
    if ("do" in plain) == ("call" in plain) or ("args" in plain) != ("call" in plain):
        raise BadBody('an alternative has "do", or "call" with "args"')
    conditions = plain.get("if", [])
    if type(conditions) is not list:
        raise BadBody('"if" is no list')
    if "if" in plain and not conditions:
        raise BadBody('an empty "if" or "else": it is left out')
    checked = tuple(_condition(each) for each in conditions)
    if "do" in plain:
        return Alternative(checked, made_updates(plain["do"]), None)
    return Alternative(checked, (), _call(plain["call"], plain["args"]))


def _call(plain: object, args: object) -> Call:
    if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not str or type(plain[1]) is not int:
        raise BadBody('"call" is no list of a function and its version')
    function, version = plain
    if not 0 < len(function) <= NAME_CHARACTERS_MAX or not 0 < version <= WHOLE_MAX:
        raise BadBody(f"{function[:NAME_CHARACTERS_MAX]!r} {version} is no function with a version")
    return Call(function, version, _value(args))


def _fields(plain: object, what: str, shapes: dict[str, str]) -> list[object]:
    """Return a list that begins with a word of ``shapes`` and goes on as that says, a letter each: c, a
    collection; k, a text; n, a whole number; v, a value; w, a WHERE. BadBody where it is none."""
    if type(plain) is not list or not plain or type(plain[0]) is not str or plain[0] not in shapes:
        word = plain[0] if type(plain) is list and plain and type(plain[0]) is str else ""
        raise BadBody(f"{word[:20]!r} begins no {what}: {', '.join(shapes)} do")
    shape = shapes[plain[0]]
    if len(plain) != 1 + len(shape):
        raise BadBody(f"{plain[0]} with {len(plain) - 1} fields; {len(shape)} are due")
    for field, kind in zip(plain[1:], shape, strict=True):
        if (kind in "ck" and type(field) is not str) or (kind == "n" and type(field) is not int):
            raise BadBody(f"{plain[0]} with a {type(field).__name__} where {_DUE[kind]} is due")
    return plain


_DUE = {"c": "a collection", "k": "a text", "n": "a whole number"}
_CONDITIONS = {IS: "ckv", ABSENT: "ck", PRESENT: "ck", MEETS: "ckw", ATMOST: "nckw", ATLEAST: "nckw"}
_UPDATES = {SET: "ckv", DELETE: "ck", NEW: "ckv", ADD: "ckn", INSERT: "ckk", REMOVE: "ckk"}


def _condition(plain: object) -> Condition:
    word, *fields = _fields(plain, "condition", _CONDITIONS)
    count = 0
    if word in (ATMOST, ATLEAST):
        count = fields.pop(0)  # type: ignore[assignment]
        if count < 0:
            raise BadBody(f"{word} {count}: 0 or more is due")
    collection, key, *rest = fields
    if word in (ATMOST, ATLEAST):
        _check_collection(collection)  # type: ignore[arg-type]
    else:
        _check_row(collection, key, None)  # type: ignore[arg-type]
    where = where_of(rest[0]) if word in (MEETS, ATMOST, ATLEAST) else ()
    value = _value(rest[0]) if word == IS else ""
    return Condition(word, collection, key, value, where, count)  # type: ignore[arg-type]


def _update(plain: object) -> Update:
    word, collection, key, *rest = _fields(plain, "update", _UPDATES)
    if collection == CONFLICTS and word == DELETE:
        return Update(DELETE, CONFLICTS, key, "", "", 0)  # type: ignore[arg-type]
    if collection == PLAYLIST and word in (ADD, INSERT, REMOVE):
        raise BadBody(f"{word} in the playlist, whose values are words")
    value = _value(rest[0]) if word in (SET, NEW) else None
    _check_row(collection, key, _value(rest[0]) if word == INSERT else value)  # type: ignore[arg-type]
    text = rest[0] if word in (INSERT, REMOVE) else ""
    count = rest[0] if word == ADD else 0
    return Update(word, collection, key, value or "", text, count)  # type: ignore[arg-type]


def _where(plain: object) -> Where:
    if type(plain) is not list or len(plain) != 3 or type(plain[0]) is not str:
        raise BadBody("a condition on a row is a list of field, operator and scalar")
    field, operator, scalar = plain
    if operator not in OPERATORS:
        raise BadBody(f"{str(operator)[:20]!r} is no operator: {' '.join(OPERATORS)} are")
    if type(scalar) not in (str, int, float, bool):
        raise BadBody("a condition on a row compares with a text, a number, true or false")
    return field, operator, canonical(scalar, 0)


def _value(plain: object) -> Value:
    if plain is None:
        raise BadBody("null where a value is due")
    try:
        return canonical(plain, DEPTH_MAX)
    except ValueError as error:
        raise BadBody(str(error)) from None


def _check_collection(collection: str) -> None:
    try:
        if collection != PLAYLIST:
            check_collection(collection)
    except BadRow as error:
        raise BadBody(str(error)) from None


def _check_row(collection: str, key: str, value: Value | None) -> None:
    try:
        check_row(collection, key, value)
    except BadRow as error:
        raise BadBody(str(error)) from None
