"""The one error that leaves this package when a peer's bytes are wrong."""

from __future__ import annotations

from bayou.core.errors import PeerError


class WireError(PeerError):
    """The bytes of a peer are no frame, no message or no proof: the connection is closed."""
