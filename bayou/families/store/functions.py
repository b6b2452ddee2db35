"""The functions that general writes of a run may call: those in a file, or a few that random scenarios
use."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.functions import Functions

SAMPLES = "<samples>"
"""What stands in the place of a file for those of random scenarios (bayou.families.store.samples), which are
there wherever a trace is."""


def known_functions(text: str) -> dict[tuple[str, int], Any]:
    """Return the functions by name and version; FunctionsError where there are none to be had."""
    from bayou.host.functions import found

    if text == SAMPLES:
        from bayou.families.store import samples

        return found(samples)
    return found(text)


def functions_of(text: str) -> Functions | None:
    """Return what a server is given of them, None where ``text`` is empty."""
    if not text:
        return None
    from bayou.host.functions import functions_of

    return functions_of(known_functions(text))
