"""Mutants that no test can tell from the code as it is, each with the reason: (module, the line as it stands,
the change) -> why. What is here may survive tests/mutation.py without making it fail."""

from __future__ import annotations

KNOWN: dict[tuple[str, str, str], str] = {
    (
        "bayou/check/answers.py",
        "return False",
        "statement: returns None",
    ): "of _demands, of whose results only the truth is asked",
    (
        "bayou/check/logs.py",
        "latest = max(accepted.latest, id[1][0] if id[1] else 0)",
        "call: arguments 1 and 2 swapped",
    ): "the larger of two whole numbers is the same in whatever order",
    (
        "bayou/check/logs.py",
        "latest = max(accepted.latest, id[1][0] if id[1] else 0)",
        "constant: 0 -> -1",
    ): "of the 0 for the first server: the latest stamp is never below 0 (that of the index is noticed)",
    (
        "bayou/check/logs.py",
        "return state.may_lack_its_end(server) and (not server.own or server.own[-1][0] < id[0])",
        "comparison: < -> <= (1)",
    ): "with an equal stamp it would be that very write, and of one that was accepted nobody asks this",
    (
        "bayou/check/logs.py",
        "verdict.fails(False)",
        "constant: False -> True",
    ): "here it only counts a look, and its result is nobody's",
    (
        "bayou/check/facts.py",
        "@dataclass(eq=False, slots=True)",
        "call: argument slots dropped",
    ): "how an object lies in memory",
    (
        "bayou/check/facts.py",
        "@dataclass(eq=False, slots=True)",
        "constant: True -> False",
    ): "how an object lies in memory",
    (
        "bayou/check/facts.py",
        "@dataclass(frozen=True, slots=True)",
        "call: argument slots dropped",
    ): "how an object lies in memory",
    (
        "bayou/check/facts.py",
        "@dataclass(frozen=True, slots=True)",
        "constant: True -> False",
    ): "of slots: how an object lies in memory (that of frozen is noticed)",
    (
        "bayou/check/facts.py",
        "NEVER = 1 << 62",
        "constant: 1 -> 2",
    ): "any number that no server's count of writes can reach",
    (
        "bayou/check/facts.py",
        "NEVER = 1 << 62",
        "constant: 62 -> 61",
    ): "any number that no server's count of writes can reach",
    (
        "bayou/check/facts.py",
        "NEVER = 1 << 62",
        "constant: 62 -> 63",
    ): "any number that no server's count of writes can reach",
    (
        "bayou/check/state.py",
        "highest = -1",
        "constant: 1 -> 0",
    ): "the first write has a place from 0 on, which replaces it",
    (
        "bayou/check/state.py",
        "highest = -1",
        "constant: 1 -> 2",
    ): "the first write has a place from 0 on, which replaces it",
    (
        "bayou/check/state.py",
        "highest = max(highest, other.known.get(id, NEVER))",
        "call: arguments 1 and 2 swapped",
    ): "the larger of two whole numbers is the same in whatever order",
    (
        "bayou/check/state.py",
        "if one is other or not place:",
        "boolean: operand 1 dropped",
    ): "a short cut: a server's own places, put together as those of two are, give the same",
    (
        "bayou/check/state.py",
        "server.latest = max(server.latest, id[0])",
        "call: arguments 1 and 2 swapped",
    ): "the larger of two whole numbers is the same in whatever order",
    (
        "bayou/core/replica.py",
        "if items.committed or items.csn > csn_before:",
        "comparison: > -> >= (1)",
    ): "without committed items from the very next CSN on there is nothing to apply, and no gap to find",
    (
        "bayou/core/replica.py",
        "if self.is_primary and not was_primary:",
        "boolean: operand 1 dropped",
    ): "mark looks at that too, and does nothing where this server is not the primary",
    (
        "bayou/core/sortedwrites.py",
        "if not short or short[-1] < write:",
        "boolean: operand 2 dropped",
    ): "what comes last is put there by insort too, after a few comparisons more",
    (
        "bayou/core/vector.py",
        "entries = {name: max(value, other.completed(name)) for name, value in self._entries.items()}",
        "call: arguments 1 and 2 swapped",
    ): "the larger of two numbers is the same in either order",
    (
        "bayou/node/client.py",
        "elif self._pending is not None and self.wake_at is not None and now >= self.wake_at:",
        "boolean: operand 1 dropped",
    ): "it wants to be woken exactly as long as a request is under way; both are asked for the type checker",
    (
        "bayou/node/client.py",
        "self._now = 0.0",
        "statement: assignment removed",
    ): "each step sets it before anything looks at it",
    (
        "bayou/node/settings.py",
        "items: int = 8192",
        "constant: 8192 -> 8191",
    ): "how much is sent at a time is a choice, which makes no difference to what arrives",
    (
        "bayou/node/settings.py",
        "items: int = 8192",
        "constant: 8192 -> 8193",
    ): "how much is sent at a time is a choice, which makes no difference to what arrives",
    (
        "bayou/node/settings.py",
        "parts_ahead: int = 4",
        "constant: 4 -> 5",
    ): "how much is sent ahead is a choice, which makes no difference to what arrives",
    (
        "bayou/node/peers.py",
        "self.seen_item = -1",
        "constant: 1 -> 2",
    ): "any number below 0 says that not even the beginning was seen: items are counted from there",
    (
        "bayou/node/messages.py",
        "csn: int = 0",
        "constant: 0 -> -1",
    ): "of Watch, which without a vector differs from wherever a server stands, whatever its CSN",
    (
        "bayou/node/messages.py",
        "csn: int = 0",
        "constant: 0 -> 1",
    ): "of Watch, which without a vector differs from wherever a server stands, whatever its CSN",
    (
        "bayou/node/messages.py",
        "tentative: int = 0",
        "constant: 0 -> 1",
    ): "of Watch, which without a vector differs from wherever a server stands, whatever it has tentative",
    (
        "bayou/node/inheriting.py",
        "NO_TOKEN = -1",
        "constant: 1 -> 2",
    ): "tokens are never negative, so that any negative number is none",
    (
        "bayou/node/inheriting.py",
        "if message.asker not in self.promises and server.replica.primary is not message.asker:",
        "boolean: operand 1 dropped",
    ): "only the primary is given a promise, which ends in the step in which another one becomes the primary",
    (
        "bayou/node/retiring.py",
        "self._token = 0",
        "constant: 0 -> -1",
    ): "no token counts before a server leaves, and whatever begins that makes a new one",
    (
        "bayou/node/retiring.py",
        "self._token = 0",
        "statement: assignment removed",
    ): "no token is looked at before a server leaves, and whatever begins that makes one",
    (
        "bayou/node/server.py",
        "if timed.due is not None and (earliest is None or timed.due < earliest):",
        "comparison: < -> <= (1)",
    ): "of two that are due at the same time either one tells when that is",
    (
        "bayou/node/server.py",
        "self.now = 0.0",
        "constant: 0.0 -> 1.0",
    ): "each step sets it, and so does what comes back from a crash, before anything looks at it",
    (
        "bayou/node/server.py",
        "self.now = 0.0",
        "statement: assignment removed",
    ): "each step sets it, and so does what comes back from a crash, before anything looks at it",
    (
        "bayou/check/minimal.py",
        "COLLECTED_MAX = 60",
        "constant: 60 -> 59",
    ): "how much is tried is a choice: a part that takes more is cut down from all there is",
    (
        "bayou/check/minimal.py",
        "COLLECTED_MAX = 60",
        "constant: 60 -> 61",
    ): "how much is tried is a choice: a part that takes more is cut down from all there is",
    (
        "bayou/check/minimal.py",
        "needed = [place for place in dict.fromkeys(needed) if place not in kept and place != self._last]",
        "boolean: and -> or",
    ): "those that are kept anyhow make no difference to the search below, and are found not to be needed",
    (
        "bayou/check/state.py",
        "if write.row == row and write.is_data:",
        "boolean: operand 2 dropped",
    ): "what is neither put nor delete has no row, and each read has one",
    (
        "bayou/node/client.py",
        "self._effects = Effects()",
        "statement: assignment removed",
    ): "each step begins with new ones",
    (
        "bayou/check/models.py",
        'return "free" if not isinstance(state, tuple) or not state else f"held by process {state[0]}"',
        "boolean: operand 1 dropped",
    ): "each state of a lock is a tuple; that is asked for the type checker",
    (
        "bayou/check/minimal.py",
        "if outcome.word != VALID or more is None:",
        "boolean: or -> and",
    ): "of what can't be explained some operation is always out of place; after a search that took too long, "
    "whether to go on is a choice",
    (
        "bayou/check/minimal.py",
        "if self._left > 0 and place in fewer and self._has_no_order(fewer):",
        "constant: 0 -> 1",
    ): "how much is tried is a choice: here one unit of work less",
    (
        "bayou/check/minimal.py",
        "if self._left <= 0:",
        "comparison: <= -> < (1)",
    ): "how much is tried is a choice: here one search more where the work came out even",
    (
        "bayou/node/server.py",
        "return self._rng.getrandbits(62)",
        "constant: 62 -> 61",
    ): "how unlikely it is that two numbers are the same is a choice",
    (
        "bayou/node/gossip.py",
        "self._round = 0",
        "constant: 0 -> -1",
    ): "numbers of rounds only tell them apart, whichever is the first",
}
