"""What can be set for the servers of a log; the same for all of them."""

from __future__ import annotations

from bayou._record import Record


class LogOptions(Record):
    """Times are in seconds.

    - ``heartbeat_s``: how often a leader is heard, and what is unanswered is sent again; ``election_s``: how
      long a server waits at least, hearing no leader. Both None: there is no clock, and whoever drives the
      server orders BecomeLeader and Resend;
    - ``window``: how many slots may be undecided between the first undecided one and the last one proposed,
      which is also how many slots later a new list of members holds; 1: one value at a time;
    - ``in_flight``: how many slots may be waiting for acceptances at once;
    - ``snapshot_every``: after how many slots a snapshot is taken, None for never;
    - ``chunk_bytes``: about how much decided at most goes into one message;
    - ``forget_slots``: after how many slots a client that was not heard of is forgotten.
    """

    heartbeat_s: float | None
    election_s: float | None
    window: int = 64
    snapshot_every: int | None = None
    chunk_bytes: int = 65536
    forget_slots: int = 1_000_000
    in_flight: int | None = None
