"""The page about families shows code as it stands in the sample family."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "families.md"


def test_what_the_page_shows_stands_in_the_sample_family() -> None:
    path = ""
    shown = 0
    for match in re.finditer(
        r"^`(tests/ring/\w+\.py)`$|^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S
    ):
        path = match[1] or path
        if match[2] is not None:
            assert match[2] in (ROOT / path).read_text(), f"{path} has not:\n{match[2]}"
            shown += 1
    assert shown >= 10


def test_each_module_of_a_family_is_explained() -> None:
    page = PAGE.read_text()
    for path in (ROOT / "tests" / "ring").glob("*.py"):
        assert path.name in page
