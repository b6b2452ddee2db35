"""Which golden scenario shows which example and which rule of chat and of locks."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "a leader that dies after one message, and what the next one finds": (
        "chat-bomb-after-the-first-accept",
    ),
    "the same after the last Decide, the first Decide, and at the next message": (
        "chat-bomb-after-the-last-decide",
        "chat-bomb-after-the-first-decide",
        "chat-bomb-at-the-next-message",
    ),
    "messages that wait for a majority": ("chat-majority-lost-and-back",),
    "slots that are skipped, and filled by the next leader": ("chat-skip-and-gap",),
    "a slot found late": ("chat-slot-found-late", "chat-all-weathers"),
    "locks: already, and not yours": ("locks-already-and-not-yours",),
}
"""The examples of the specification."""

RULES: dict[str, tuple[str, ...]] = {
    # Families of scenarios, and lines.
    "the first command tells the family": (
        "chat-first-command-tells-the-family", "chat-start-wrong-then-right", "locks-start-wrong-then-right",
    ),
    "a start that is off starts nothing": ("chat-start-wrong-then-right", "locks-start-wrong-then-right"),
    "half is no majority": ("chat-half-is-no-majority", "chat-two-servers"),
    "the text of a message": ("chat-text-as-it-stands", "chat-odd-bytes", "chat-crlf"),
    "lines that are off": (
        "chat-error-lines", "chat-extra-fields", "chat-no-clients", "locks-error-lines",
        "locks-nobody-to-lock",
        "locks-numbers",
    ),
    "include and expect": ("chat-include-and-expect", "locks-include-and-expect"),
    # Lock-step.
    "faults cost time and change nothing": (
        "chat-loss-of-a-tenth", "chat-loss-of-three-tenths", "chat-loss-of-half", "chat-doubled",
        "chat-overtaken-and-late", "chat-all-weathers", "locks-in-bad-weather",
    ),
    "what is accepted anywhere is heard at a take-over only": (
        "chat-accepted-by-the-dead-alone", "locks-accepted-by-the-dead-alone",
        "locks-put-aside-by-a-later-decree",
    ),
    "a new leader hears every live server": (
        "chat-everybody-alive-is-heard", "locks-everybody-alive-is-heard",
    ),
    "without a majority nothing is proposed, and a live leader leads on": (
        "chat-leader-outlives-its-majority", "chat-majority-lost-and-back", "chat-bomb-waits-for-a-majority",
        "chat-minority-lost-and-back",
    ),
    "the next leader in the circle": (
        "chat-restarted-leader-waits-its-turn", "chat-everybody-dies-and-comes-back",
        "chat-cascade-of-leaders",
        "chat-single-server",
    ),
    "the highest ballot counts": ("chat-two-ballots-in-one-slot", "chat-old-acceptance-means-nothing"),
    "the earliest command whose client has nothing under way": (
        "chat-waiting-in-the-order-of-the-lines", "chat-skip-holds-all-clients-back",
        "locks-waiting-commands-in-order",
    ),
    "a window is filled with no-ops, at the usual cost": (
        "chat-window-is-filled", "chat-window-of-nothing-but-skips", "chat-window-filled-in-part",
    ),
    "what a slot costs, message by message": (
        "chat-bomb-at-once", "chat-bomb-after-the-first-accept", "chat-bomb-after-the-last-accept",
        "chat-bomb-after-the-first-decide", "chat-bomb-after-the-last-decide",
        "chat-bomb-at-the-next-message",
        "chat-bomb-of-five-within-the-accepts", "chat-bomb-of-five-within-the-decides", "chat-seven-servers",
        "locks-leader-killed-while-handing-on", "locks-cascade-of-leaders", "locks-single-server",
    ),
    "a bomb belongs to its leader": ("chat-bomb-is-replaced", "chat-bomb-without-a-leader"),
    "clients are told before the first Decide": ("chat-bomb-after-the-first-decide",
    "locks-told-before-the-bomb"),
    "lists of slots to skip": ("chat-skip-refused", "chat-skip-adds-up",
    "chat-skip-dies-with-a-bombed-leader"),
    # Chat.
    "a view is what is decided before the first gap": (
        "chat-first-messages", "chat-skip-and-gap", "chat-skip-holds-all-clients-back",
    ),
    "left to themselves": (
        "chat-free-running-one-client", "chat-free-running-partition", "chat-free-running-without-a-majority",
        "locks-free-running",
    ),
    # Locks.
    "queues": ("locks-queue-in-order", "locks-not-re-entrant", "locks-unlock-of-what-is-not-held"),
    "a client may wait for one lock and ask for others": ("locks-several-at-once",),
    "deadlocks are left alone": ("locks-deadlock-is-left-alone",),
    "a crashed client keeps what it has": ("locks-crashed-holder-keeps-its-lock",
    "locks-crashed-waiter-is-granted"),
    "what a crashed client had asked for": (
        "locks-gone-with-a-crashed-client", "locks-accepted-before-a-client-crashed",
        "locks-accepted-by-the-dead-alone", "locks-put-aside-by-a-later-decree",
    ),
    "an expiry takes a client out of all locks": (
        "locks-expiry-gives-all-back", "locks-expiry-of-a-whole-queue", "locks-expiry-waits-for-a-majority",
    ),
    "an expired client's commands": (
        "locks-expired-while-its-command-is-found", "locks-expired-before-its-command-is-found",
    ),
    "what anybody was ever told is printed": ("locks-printed-with-no-server-alive",
    "locks-told-before-the-bomb"),
}  # fmt: skip
"""What the scenarios show beside."""
