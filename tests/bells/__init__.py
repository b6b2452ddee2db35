"""A family of scenarios as small as can be, for tests: bells, which sound when they are struck.

A bell talks to nobody, and forgets all in a crash. There are no rules to judge a trace by, and no random
scenarios: the modules ``judging`` and ``exploring`` are missing on purpose.
"""

from __future__ import annotations

from bayou.families import Family

FAMILY = Family("bells", "tests.bells", {"start": 2})
