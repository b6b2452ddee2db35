"""General writes in the file of a replica: outcomes, the digest, and what the doctor says of damage."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bayou.core.body import made_body
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.values import to_value
from bayou.storage.replica.doctor import diagnose
from bayou.storage.replica.sums import result_row, row_sum
from tests.replica_files import first_file, open_file

if TYPE_CHECKING:
    from pathlib import Path

BOOK = {"do": [["set", "rooms", "a", "x"]], "if": [["absent", "rooms", "a"]]}


def booked(path: Path) -> Replica:
    """Let a file have a put, a write that fits, one that does not, and one behind them; all but the last are
    folded."""
    file = first_file(path)
    replica = Replica(ROOT, past=file)
    replica.put("n", "k", to_value(1))
    replica.change(made_body({"name": "ann", **BOOK}))
    replica.change(made_body({"name": "bob", **BOOK}))
    replica.change(made_body({"name": "cat", "do": [["delete", "n", "k"]]}))
    file.keep(replica.take_journal())
    replica.fold(3)
    file.keep([])
    file.close()
    return replica


def test_outcomes_rows_and_digest_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.bayou"
    replica = booked(path)
    file = open_file(path)
    key = "00000000000000000003:"
    assert [file.result(csn) for csn in range(1, 5)] == [
        None, (0, (("rooms", "a"),)), (-1, (("!conflicts", key),)), None,
    ]  # fmt: skip
    assert [file.csn_of(stamp, ROOT) for stamp in range(1, 6)] == [1, 2, 3, None, None]
    again = Replica(ROOT, past=file)
    again.apply(file.load().items)
    assert again.database.digest == replica.database.digest != again.past.base.digest != ""
    assert again.get("n", "k") is None, "what is not folded is executed afresh"
    again.truncate(2)
    assert [file.result(csn) for csn in (2, 3)] == [None, (-1, (("!conflicts", key),))]
    file.keep([])
    file.close()
    assert diagnose(str(path)).findings == []


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        (
            [("DELETE FROM results WHERE csn = 2", ())],
            ["the outcome of the general write of CSN 2 is missing"],
        ),
        (
            [("UPDATE results SET outcome = 1 WHERE csn = 2", ())],
            ["the outcome of the write of CSN 2 is damaged: its sum is wrong"],
        ),
        (
            [("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", result_row(2, (1, (("rooms", "a"),))))],
            ["the general write of CSN 2 has another outcome than it comes to"],
        ),
        (
            [
                (
                    "UPDATE rows SET value = ?, sum = ? WHERE collection = 'rooms'",
                    ('"y"', row_sum("rooms", "a", '"y"', 2)),
                )
            ],
            ["the row rooms/a of CSN 2 is not what the writes make of it"],
        ),
        ([("DELETE FROM rows WHERE collection = '!conflicts'", ())], ["is not what the writes make of it"]),
    ],
)
def test_the_doctor_finds_what_is_wrong_with_general_writes(
    tmp_path: Path, changes: list[tuple[str, tuple[object, ...]]], findings: list[str]
) -> None:
    path = tmp_path / "a.bayou"
    booked(path)
    assert diagnose(str(path)).findings == []
    with sqlite3.connect(path) as other:
        for line, values in changes:
            other.execute(line, values)
    other.close()
    found = diagnose(str(path)).findings
    assert found
    assert all(any(finding in line for line in found) for finding in findings), found
