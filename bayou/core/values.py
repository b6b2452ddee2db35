"""Values of rows: JSON values, held as texts in canonical form.

A value is an object from text to value, a list, a whole number of 64 bits with sign, a finite fraction (a
64-bit float), a text, true or false; null only within objects and lists. They nest at most 16 deep.

Canonical form is JSON without blanks, with the keys of objects sorted by code point, no escapes but those
that JSON requires, and fractions as ``repr`` writes them (-0.0 as 0.0). Each value has one such text, so two
values are equal just where their texts are, and Python's ``1 == 1.0 == True`` decides nothing: what holds,
compares, hashes or sends a value does so with its text.

Texts by themselves, which most values are, go there and back without the json module.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import NewType

    JSON = Mapping[str, "JSON"] | Sequence["JSON"] | str | int | float | bool | None
    """What programs give; of sequences lists alone, which type checkers would want to be of nothing else."""

    Value = NewType("Value", str)
    """The canonical form of a value."""
else:
    Value = str
    JSON = object  # a value of these types, to those who annotate with it

DEPTH_MAX = 16
"""How deep objects and lists may nest; a value that is neither has the depth 0."""

BYTES_MAX = 1 << 20
"""How long a canonical form may be, in UTF-8."""

ESCAPED_MAX = 6
"""How many characters of canonical form one character of a text can take: ``\\u0001``."""

_WHOLE_MAX = (1 << 63) - 1
_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    **{ord(char): f"\\{escape}" for char, escape in zip('"\\\b\t\n\f\r', '"\\btnfr', strict=True)},
}

_new_value = Value  # to be called where a text is known to be in canonical form


def to_value(plain: JSON) -> Value:
    """Return the canonical form of a JSON value.

    TypeError for what is no JSON value, ValueError for one beyond the limits; both say what is wrong.

    >>> to_value({"b": [1, 1.0, True, None], "a": 'say "ü"'})
    '{"a":"say \\\\"ü\\\\"","b":[1,1.0,true,null]}'
    >>> to_value(-0.0), to_value(1e16), to_value("")
    ('0.0', '1e+16', '""')
    >>> to_value((1, 2))
    Traceback (most recent call last):
    TypeError: a tuple is no JSON value
    >>> to_value(1 << 63)
    Traceback (most recent call last):
    ValueError: a whole number beyond 64 bits with sign
    """
    if plain is None:
        raise TypeError("null is no value of a row: a row without a value is not there")
    return _new_value(check_size(_written(plain, DEPTH_MAX)))


def of_value(value: Value) -> JSON:
    """Return the JSON value that a canonical form stands for, made afresh.

    >>> of_value(to_value({"a": [1, 2.5, False, None]}))
    {'a': [1, 2.5, False, None]}
    """
    if is_text(value):
        return text_of(value)
    import json  # not needed for texts, and dear to a short scenario

    plain: JSON = json.loads(value)
    return plain


def text_value(text: str) -> Value:
    """Return the value that is this text, of whatever length, and odd bytes (PEP 383) as they are.

    >>> text_value("a\\tb"), text_value("caf\\udce9") == '"caf\\udce9"'
    ('"a\\\\tb"', True)
    """
    if _is_plain(text):
        return _new_value(f'"{text}"')
    return _new_value(f'"{text.translate(_ESCAPES)}"')


def text_of(value: Value) -> str:
    """Return the text that a value is; ValueError where it is none.

    >>> text_of(text_value('say "hello"'))
    'say "hello"'
    >>> text_of(to_value(1))
    Traceback (most recent call last):
    ValueError: 1 is no text
    """
    if not is_text(value):
        raise ValueError(f"{value[:20]} is no text")
    if "\\" not in value:
        return value[1:-1]
    import json

    text: str = json.loads(value)
    return text


def is_text(value: Value) -> bool:
    """Whether a value is a text."""
    return value[0] == '"'


def check_value(text: str) -> Value:
    """Return a text as the value whose canonical form it is; ValueError, which says why, where it is none.

    Of odd bytes (PEP 383), and of how long it may be, a row decides (bayou.core.rows).

    >>> check_value('[1,true]')
    '[1,true]'
    >>> check_value('{"b":1, "a":2}')
    Traceback (most recent call last):
    ValueError: a value that is not in canonical form: {"a":2,"b":1}
    >>> check_value("null")
    Traceback (most recent call last):
    ValueError: null is no value of a row: a row without a value is not there
    """
    if text[:1] == '"' == text[-1:] and len(text) > 1 and _is_plain(text[1:-1]):
        return _new_value(text)
    if len(text) > (ESCAPED_MAX * BYTES_MAX + 2 if text[:1] == '"' else BYTES_MAX):
        raise ValueError(f"a value of {len(text)} characters, more than any can have")
    import json

    try:
        plain = json.loads(text)
    except RecursionError:
        raise ValueError(f"a value nested more than {DEPTH_MAX} deep") from None
    except ValueError as error:
        raise ValueError(f"a value that is no JSON: {error}") from None
    if plain is None:
        raise ValueError("null is no value of a row: a row without a value is not there")
    # Most of a large value is looked at in C. A zero with a sign is what json writes in another way.
    _check_within([plain], DEPTH_MAX + 1)
    if "-0.0" in text or text != json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True):
        canonical = _written(plain, DEPTH_MAX)
        if canonical != text:
            raise ValueError(f"a value that is not in canonical form: {canonical[:80]}")
    return _new_value(text)


def _check_within(parts: Collection[object], room: int) -> None:
    """ValueError where there is a whole number beyond its limits among these, or within them, or a fraction
    that is not finite, or where they nest deeper than ``room`` levels, of which they are one."""
    if not room:
        raise ValueError(f"a value nested more than {DEPTH_MAX} deep")
    kinds = set(map(type, parts))
    if int in kinds:
        numbers = [each for each in parts if type(each) is int]
        _check_whole(min(numbers))
        _check_whole(max(numbers))
    if float in kinds:
        for each in parts:
            if type(each) is float:
                _check_finite(each)
    if list in kinds or dict in kinds:
        for each in parts:
            if type(each) is list:
                _check_within(each, room - 1)
            elif type(each) is dict:
                _check_within(each.values(), room - 1)


def _check_whole(number: int) -> None:
    if not -_WHOLE_MAX - 1 <= number <= _WHOLE_MAX:
        raise ValueError("a whole number beyond 64 bits with sign")


def _check_finite(fraction: float) -> None:
    if fraction - fraction != 0:
        raise ValueError(f"the fraction {fraction} is not finite")


def check_size(text: str) -> str:
    """Return a canonical form; ValueError where it is longer than BYTES_MAX, or no UTF-8."""
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("a text with a lone surrogate, which UTF-8 does not have") from None
    if size > BYTES_MAX:
        raise ValueError(f"a value of {size} bytes; {BYTES_MAX} are the limit")
    return text


def size_bytes(text: str) -> int:
    """Return how many bytes a text takes in UTF-8, each odd one (PEP 383) for itself."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def fits(text: str, bytes_max: int) -> bool:
    """Whether a text takes that many bytes at most, each odd one (PEP 383) for itself."""
    length = len(text)
    return length * 4 <= bytes_max or (length <= bytes_max and size_bytes(text) <= bytes_max)


def stands_for_text(text: str) -> bool:
    """Whether a text is what some bytes are read as: its odd ones (PEP 383) are no UTF-8, together either."""
    if text.isascii():
        return True
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


def canonical(plain: object, depth_max: int) -> Value:
    """Return the canonical form of what nests so deep at most, null too, of whatever length, and odd bytes as
    they are. TypeError for what is no JSON value, ValueError for one beyond the limits.

    >>> canonical([1, None], 1)
    '[1,null]'
    """
    return _new_value(_written(plain, depth_max))


def _is_plain(text: str) -> bool:
    """Whether a text surely needs no escapes; a few others need none either."""
    return text.isprintable() and '"' not in text and "\\" not in text


def _written(plain: object, room: int) -> str:
    """Return the canonical form of what may have ``room`` levels of objects and lists.

    It goes by the very type: a truth value is a whole number to ``isinstance``.
    """
    if type(plain) is str:
        return text_value(plain)
    if plain is None:
        return "null"
    if type(plain) is bool:
        return "true" if plain else "false"
    if type(plain) is int:
        _check_whole(plain)
        return repr(plain)
    if type(plain) is float:
        _check_finite(plain)
        return repr(plain + 0.0)  # -0.0 + 0.0 is 0.0
    if type(plain) is list or type(plain) is dict:
        if not room:
            raise ValueError(f"a value nested more than {DEPTH_MAX} deep")
        return _list(plain, room) if type(plain) is list else _object(plain, room)  # type: ignore[arg-type]
    hint = "; bytes may travel as a text in base64" if isinstance(plain, bytes | bytearray) else ""
    raise TypeError(f"a {type(plain).__name__} is no JSON value{hint}")


def _list(plain: list[object], room: int) -> str:
    return f"[{','.join([_written(each, room - 1) for each in plain])}]"


def _object(plain: dict[object, object], room: int) -> str:
    for key in plain:
        if type(key) is not str:
            raise TypeError(f"a {type(key).__name__} as a key of an object, where a text is due")
    fields = [f"{text_value(key)}:{_written(plain[key], room - 1)}" for key in sorted(plain)]  # type: ignore[type-var, arg-type]
    return f"{{{','.join(fields)}}}"
