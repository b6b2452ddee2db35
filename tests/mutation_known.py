"""Mutants that no test can tell from the code as it is, each with the reason: (module, the line as it stands,
the change) -> why. What is here may survive tests/mutation.py without making it fail."""

from __future__ import annotations

KNOWN: dict[tuple[str, str, str], str] = {
    (
        "bayou/core/replica.py",
        "if items.committed or items.csn > csn_before:",
        "comparison: > -> >= (1)",
    ): "without committed items from the very next CSN on there is nothing to apply, and no gap to find",
}
