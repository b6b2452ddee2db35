"""A sample family of scenarios: servers pass a counter around a ring, one more at each step.

Not part of the product. It shows that a family needs nothing outside its own room: what each module is for
stands in docs/families.md.
"""

from __future__ import annotations

from bayou.families import Family

FAMILY = Family("ring", "tests.ring", {"startRing": 1})
