"""What a class of records says where it can't be made."""

from __future__ import annotations

import pytest


def test_a_module_that_keeps_annotations_as_objects_is_told_what_it_lacks() -> None:
    code = "from bayou._record import Record\nclass Kept(Record):\n    count: int\n"
    with pytest.raises(
        TypeError, match=r"annotations of Kept are read as texts.* from __future__ import annotations"
    ):
        exec(compile(code, "elsewhere", "exec", dont_inherit=True), {"__name__": "elsewhere"})
