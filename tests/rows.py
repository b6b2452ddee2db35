"""Rows of the playlist, as the tests write them: a song and a URL."""

from __future__ import annotations

from bayou.core.rows import PLAYLIST
from bayou.core.values import Value, text_value
from bayou.node.messages import Delete, Put

__all__ = ["asked", "change", "place", "row", "text_value"]


def place(key: str) -> tuple[str, str]:
    """Return where a song stands: collection and key."""
    return PLAYLIST, key


def row(key: str, url: str) -> tuple[str, str, Value]:
    """Return a song with its URL."""
    return PLAYLIST, key, text_value(url)


def asked(key: str, url: str | None) -> tuple[str, str, Value | None]:
    """Return a song, and its URL if it has one."""
    return PLAYLIST, key, None if url is None else text_value(url)


def change(key: str, url: str | None) -> Put | Delete:
    """Return what asks for a song to have this URL, or to be deleted."""
    return Delete(*place(key)) if url is None else Put(*row(key, url))
