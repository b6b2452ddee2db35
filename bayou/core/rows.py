"""Rows: (collection, key) -> value, and what each of the three may be.

Collections whose names begin with ``!`` belong to the system. There is one: ``!conflicts`` has a row for each
general write of which no alternative fitted (bayou.core.body); only such writes make rows of it, and may
delete them.

The collection ``playlist`` is the one that scenarios see: its keys and the texts that are its values are
words, which may hold bytes that are no UTF-8 (PEP 383). Keys of all others are any texts, and their values
any values, in UTF-8.
"""

from __future__ import annotations

from bayou.core.values import BYTES_MAX, check_size, fits, is_text, stands_for_text, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.values import Value

    Collection = str
    """The name of a collection, in the fields of messages."""

PLAYLIST = "playlist"
CONFLICTS = "!conflicts"
"""The error log: the key of a row is that of the write (bayou.core.execute), its value that one's body."""

COLLECTION_CHARACTERS_MAX = 64
KEY_BYTES_MAX = 1024
TEXT_BYTES_MAX = BYTES_MAX
"""How long a text of the playlist may be; an odd byte counts as it is."""

BLANKS = " \t\n\r\v\f"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


class BadRow(ValueError):
    """A collection, key or value that no row can have; the message says why."""


def check_row(collection: str, key: str, value: Value | None) -> None:
    """Raise BadRow unless a put can give this row this value (None: any value, or a deletion).

    >>> check_row("notes", "", None)
    >>> check_row("playlist", "", None)
    Traceback (most recent call last):
    bayou.core.rows.BadRow: a key of the playlist that is empty, or has blanks in it
    """
    if collection == PLAYLIST:
        _check_word(key, "key", KEY_BYTES_MAX)
        if value is not None:
            if not is_text(value):
                raise BadRow("a value of the playlist that is no text")
            _check_word(text_of(value), "value", TEXT_BYTES_MAX)
        return
    check_collection(collection)
    try:
        size = len(key) if key.isascii() else len(key.encode())
    except UnicodeEncodeError:
        raise BadRow("a key with a lone surrogate, which UTF-8 does not have") from None
    if size > KEY_BYTES_MAX:
        raise BadRow(f"a key of more than {KEY_BYTES_MAX} bytes")
    if value is not None:
        try:
            check_size(value)
        except ValueError as error:
            raise BadRow(str(error)) from None


def check_collection(name: str) -> None:
    """Raise BadRow unless users can have a collection of this name.

    >>> check_collection("Notes")
    Traceback (most recent call last):
    bayou.core.rows.BadRow: 'Notes' is no name of a collection: 1 to 64 of a-z, 0-9, _ and - are
    """
    if not 0 < len(name) <= COLLECTION_CHARACTERS_MAX or not _LETTERS.issuperset(name):
        what = "1 to 64 of a-z, 0-9, _ and - are"
        raise BadRow(f"{name[:COLLECTION_CHARACTERS_MAX]!r} is no name of a collection: {what}")


def _check_word(text: str, what: str, bytes_max: int) -> None:
    if not is_word(text):
        raise BadRow(f"a {what} of the playlist that is empty, or has blanks in it")
    if not text.isprintable() and not stands_for_text(text):
        raise BadRow(f"a {what} of the playlist that stands for no bytes")
    if not fits(text, bytes_max):
        raise BadRow(f"a {what} of more than {bytes_max} bytes")


def is_word(text: str) -> bool:
    """Whether a text is not empty, and no blank is in it.

    >>> is_word("a\\u00a0b"), is_word("a b"), is_word("")
    (True, False, False)
    """
    if text.isprintable():  # no blank is, but one
        return text != "" and " " not in text
    return not any(blank in text for blank in BLANKS)
