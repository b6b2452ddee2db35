"""Mutants that no test can tell from the code as it is, each with the reason: (module, the line as it stands,
the change) -> why. What is here may survive tests/mutation.py without making it fail."""

from __future__ import annotations

KNOWN: dict[tuple[str, str, str], str] = {
    (
        "bayou/core/replica.py",
        "if items.committed or items.csn > csn_before:",
        "comparison: > -> >= (1)",
    ): "without committed items from the very next CSN on there is nothing to apply, and no gap to find",
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
        "bayou/node/exchange.py",
        "items: int = 8192",
        "constant: 8192 -> 8191",
    ): "how much is sent at a time is a choice, which makes no difference to what arrives",
    (
        "bayou/node/exchange.py",
        "items: int = 8192",
        "constant: 8192 -> 8193",
    ): "how much is sent at a time is a choice, which makes no difference to what arrives",
}
