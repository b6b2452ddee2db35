"""Text from elsewhere, fit to be quoted in a line for a person."""

from __future__ import annotations

LINE_CHARACTERS_MAX = 1000
QUOTE_CHARACTERS_MAX = 120


def printable(text: str, limit: int = LINE_CHARACTERS_MAX) -> str:
    """Return text as one line without control characters, cut where it is too long."""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def shorten(text: str) -> str:
    """Return text as it may be quoted within a line: a blank for any number of them, and not too long."""
    text = " ".join(text.split())
    if len(text) > QUOTE_CHARACTERS_MAX:
        return text[: QUOTE_CHARACTERS_MAX - 3] + "..."
    return text
