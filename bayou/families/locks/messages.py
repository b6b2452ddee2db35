"""What a master and a client that carries out a script say to each other."""

from __future__ import annotations

from bayou.families.locks.script import Step
from bayou.families.log.messages import BeClient
from bayou.machine.messages import Message


class ScriptMessage(Message, space="script"):
    """Base of the messages of this room."""


class BeScript(BeClient):
    """What a node is: a client of a lock service that carries out these steps."""

    steps: tuple[Step, ...] = ()


BUSY, QUEUED, GRANTED, REMARKED, APPLIED, ASLEEP, AWAKE, ENDED = (
    "busy", "queued", "granted", "remarked", "applied", "asleep", "awake", "ended",
)  # fmt: skip
"""How a script stands: a command is under way; it waits for a lock; the lock was granted; the command has
changed nothing, which is to be remarked on, or was carried out; it sleeps; it does so no longer; it has
ended, and holds nothing."""


class Follow(ScriptMessage):
    """I know ``moves`` moves of yours: go on, and answer with a Report once there is another, or once you
    know all slots below ``first`` decided, where that is above 0."""

    moves: int
    first: int = 0


class Report(ScriptMessage):
    """After so many ``moves`` the script is at line ``line`` (0: at its end), and stands as ``state`` says;
    ``lock``: which lock that is about; ``token``: the slot that granted it; ``holder``: who holds the lock
    that is waited for; ``words``: the remark; ``first``: the first slot that is not known decided here."""

    moves: int
    state: str
    line: int
    first: int
    lock: int = 0
    token: int = 0
    holder: int | None = None
    words: str = ""
