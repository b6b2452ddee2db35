"""How scenarios write general writes: updates, conditions and values as words on a line, and back
(bayou.core.body has them as data)."""

from __future__ import annotations

from bayou.core.body import BadBody, made_body
from bayou.core.rows import BLANKS, CONFLICTS, PLAYLIST, BadRow
from bayou.core.seen import check_readable
from bayou.core.values import canonical, is_text, text_of
from bayou.script.grammar import BadLine, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.core.body import Body
    from bayou.core.values import Value

_DEPTH = 17
"""One more than a value may nest, so that it is the body that says what is wrong."""

_DIVIDERS = "and, if, else"


def body_of_words(name: str, text: str | Sequence[str]) -> Body:
    """Return the body that a ``write`` command describes behind its name; BadLine, which says why, where it
    describes none. ``text``: what stands there, or its words, which then may have blanks in them.

    >>> body_of_words("bob", "set rooms/A/10 bob if absent rooms/A/10").text
    '{"do":[["set","rooms","A/10","bob"]],"if":[["absent","rooms","A/10"]],"name":"bob"}'
    >>> body_of_words("n", "add stock/tea -1 and del notes/a else nothing").text
    '{"do":[["add","stock","tea",-1],["delete","notes","a"]],"else":[{"do":[]}],"name":"n"}'
    """
    words = _Words(text)
    plain = {"name": name, **_alternative(words)}
    others = []
    while words.take_if("else"):
        others.append(_alternative(words))
    words.expect_end()
    if others:
        plain["else"] = others
    try:
        return made_body(plain)
    except BadBody as error:
        raise BadLine(str(error)) from error


class _Words:
    """Words that are read from the left."""

    def __init__(self, text: str | Sequence[str]) -> None:
        if isinstance(text, str):
            for blank in BLANKS:
                text = text.replace(blank, " ")
            self._words = [word for word in text.split(" ") if word]
        else:
            self._words = [word or '""' for word in text]
        self._at = 0

    @property
    def next(self) -> str:
        """The next word; empty at the end."""
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self, what: str) -> str:
        """Take the next word, whatever it is; BadLine where there is none."""
        word = self.next
        if not word:
            raise BadLine(f"{what} is due at the end")
        self._at += 1
        return word

    def take_if(self, word: str) -> bool:
        """Take the next word if it is this one; return whether it was."""
        if self.next != word:
            return False
        self._at += 1
        return True

    def expect_end(self) -> None:
        if self.next:
            raise BadLine(f"{shorten(self.next)!r} where {_DIVIDERS} or the end is due")


def _alternative(words: _Words) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if words.take_if("nothing"):
        made["do"] = []
    elif words.take_if("call"):
        function = words.take("the name of a function")
        made["call"] = [function, _number(words, "the version of a function")]
        made["args"] = value_of_word(words.take("a value"))
    else:
        made["do"] = [_update(words)]
        while words.take_if("and"):
            made["do"].append(_update(words))
    if words.take_if("if"):
        made["if"] = [_condition(words)]
        while words.take_if("and"):
            made["if"].append(_condition(words))
    return made


def _update(words: _Words) -> list[Any]:
    word = words.take("an update")
    if word in ("set", "new"):
        row = _row(words)
        return [word, *row, _value(words, row[0])]
    if word == "del":
        return ["delete", *_row(words)]
    if word == "add":
        return [word, *_row(words), _number(words, "a whole number")]
    if word in ("insert", "remove"):
        return [word, *_row(words), words.take("a text")]
    updates = "set, del, new, add, insert, remove, nothing and call"
    raise BadLine(f"{shorten(word)!r} is no update: {updates} are")


def _condition(words: _Words) -> list[Any]:
    word = words.take("a condition")
    if word == "is":
        row = _row(words)
        return [word, *row, _value(words, row[0])]
    if word in ("absent", "present"):
        return [word, *_row(words)]
    if word == "meets":
        row = _row(words)
        return [word, *row, _where(words, row[0])]
    count = {"none": 0, "some": 1}.get(word)
    if count is None:
        if word not in ("atmost", "atleast"):
            conditions = "is, absent, present, meets, none, some, atmost and atleast"
            raise BadLine(f"{shorten(word)!r} is no condition: {conditions} are")
        count = _number(words, "a whole number")
    prefix = divided(words.take("a collection/prefix"))
    word = {"none": "atmost", "some": "atleast"}.get(word, word)
    return [word, count, *prefix, _where(words, prefix[0])]


def _where(words: _Words, collection: str) -> list[list[Any]]:
    conditions = []
    while words.take_if("where"):
        field, operator = words.take("a field"), words.take("an operator")
        text = words.take("a value")
        is_word = collection == PLAYLIST and field == "."
        conditions.append([field, operator, text if is_word else value_of_word(text)])
    return conditions


def _row(words: _Words) -> list[str]:
    return divided(words.take("a collection/key"))


def divided(text: str) -> list[str]:
    """Return the collection and the key, or prefix, in a field; BadLine where it has none."""
    collection, slash, key = text.partition("/")
    if not slash:
        raise BadLine(f"{shorten(text)!r} is no row: a collection, / and a key are due")
    try:
        check_readable(collection)
    except BadRow as error:
        raise BadLine(str(error)) from error
    return [collection, key]


def _value(words: _Words, collection: str) -> Any:
    word = words.take("a value")
    return word if collection == PLAYLIST else value_of_word(word)


def value_of_word(word: str) -> Any:
    """Return the JSON value that a field stands for; BadLine where it stands for none.

    >>> [value_of_word(word) for word in ("7", "-7", "07", "true", '["a"]', "a")]
    [7, -7, '07', True, ['a'], 'a']
    """
    if word in ("true", "false"):
        return word == "true"
    if _is_whole(word):
        return _within(word)
    if word[0] not in '{["':
        return word
    import json

    try:
        plain = json.loads(word, object_pairs_hook=_object)
        canonical(plain, _DEPTH)  # numbers in it may be beyond all limits
    except RecursionError:
        raise BadLine("a value that nests too deep") from None
    except ValueError as error:
        raise BadLine(f"{shorten(word)!r} is no value: {error}") from None
    return plain


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a field is given twice")
    return made


def _is_whole(word: str) -> bool:
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return False
    return digits[0] != "0" or word == "0"


def _within(word: str) -> int:
    if len(word) > 20 or not -(1 << 63) <= int(word) < 1 << 63:
        raise BadLine(f"{shorten(word)!r} is beyond 64 bits with sign")
    return int(word)


def _number(words: _Words, what: str) -> int:
    word = words.take(what)
    if not _is_whole(word):
        raise BadLine(f"{shorten(word)!r} where {what} is due")
    return _within(word)


def word_of_value(collection: str, value: Value) -> str:
    """Return a value as a line shows it: a text as it is, where a field would be read as that text again;
    else in canonical form.

    >>> from bayou.core.values import to_value
    >>> [word_of_value("n", to_value(value)) for value in ("a", "7", 7, "a b", "", {"b": 1})]
    ['a', '"7"', '7', '"a b"', '""', '{"b":1}']
    """
    if not is_text(value) or collection == CONFLICTS:
        return value
    text = text_of(value)
    if collection == PLAYLIST:
        return text
    if not text or any(blank in text for blank in BLANKS) or not _is_shown(text):
        return value
    try:
        is_read = value_of_word(text) == text
    except BadLine:
        is_read = False
    return text if is_read else value


def _is_shown(text: str) -> bool:
    """Whether no control character is in a text."""
    return text.isprintable() or not any(char < " " or "\x7f" <= char <= "\x9f" for char in text)
