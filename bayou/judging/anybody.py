"""``bayou check --model``: whether a history that anybody may have recorded is linearizable
(docs/histories.md)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bayou._statuses import EXIT_INVALID, EXIT_UNKNOWN, EXIT_WRONG
from bayou.check.linear import BUDGET
from bayou.check.minimal import examine
from bayou.check.model import by_key
from bayou.check.models import MODELS, cut
from bayou.check.operations import read_history
from bayou.check.verdict import INVALID, UNKNOWN, VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from bayou.check.minimal import Attempt, Beginning, Finding, Part
    from bayou.check.model import Model, Operation
    from bayou.check.operations import Problem, Reading

RULE = "each operation takes effect at one moment between its invocation and its end"
SHOWN = 3
"""How many objects of one verdict are listed."""

PROBLEMS_SHOWN = 20
OPERATIONS_SHOWN = 20
"""How many operations of a part are listed, and of an order, whose last ones are."""

BEGINNINGS_SHOWN = 4
BUDGET_MAX = 10**12


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of histories."""
    parser.add_argument(
        "--model",
        choices=list(MODELS),
        help="judge a history of JSON lines, an event each, of one register, of keys with values, or of "
        "locks: is it linearizable?",
    )
    parser.add_argument(
        "--budget",
        type=_count,
        metavar="N",
        help="with --model: how many steps the search may take for each key or lock before it gives up "
        f"(default: {BUDGET})",
    )


def refuse_nonsense(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the process, as argparse does, where options don't go together."""
    if options.model is None and options.budget is not None:
        parser.error("--budget is for --model: judging a trace is no search")
    if options.model is not None and options.family:
        parser.error("--family is for traces: a history that --model judges has no family")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or not 1 <= int(text) <= BUDGET_MAX:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 to {BUDGET_MAX:,}")
    return int(text)


def check_history(name: str, model: str, budget: int | None, prog: str) -> int:
    """Judge the history in a file (-: standard input), print the verdict and return the exit status: 0
    valid, 5 invalid, 6 unknown, 2 where it can't be read."""
    where = "<stdin>" if name == "-" else name
    try:
        reading = _read(name, model)
    except OSError as error:
        print(f"{prog}: {where}: {error.strerror or error}", file=sys.stderr)
        return EXIT_WRONG
    if reading.problems:
        _complain(f"{prog}: {where}", reading.problems)
        return EXIT_WRONG
    findings = {
        key: examine(MODELS[model](), operations, budget or BUDGET)
        for key, operations in by_key(reading.operations).items()
    }
    for line in report(MODELS[model](), reading, findings):
        print(line)
    word = _overall(reading, findings)
    print(word)
    return EXIT_INVALID if word == INVALID else EXIT_UNKNOWN if word == UNKNOWN else 0


def _read(name: str, model: str) -> Reading:
    if name == "-":
        return read_history(sys.stdin.buffer, model)
    with Path(name).open("rb") as lines:
        return read_history(lines, model)


def _complain(where: str, problems: Sequence[Problem]) -> None:
    for problem in problems[:PROBLEMS_SHOWN]:
        print(f"{where}: line {problem.line}: {problem.text}", file=sys.stderr)
    if len(problems) > PROBLEMS_SHOWN:
        print(f"{where}: {len(problems) - PROBLEMS_SHOWN:,} more lines are wrong", file=sys.stderr)


def _overall(reading: Reading, findings: dict[Hashable, Finding]) -> str:
    """Return the verdict on all: a history without answers has nothing to be judged."""
    words = {finding.word for finding in findings.values()}
    if INVALID in words:
        return INVALID
    return VALID if reading.answered and words == {VALID} else UNKNOWN


def report(model: Model, reading: Reading, findings: dict[Hashable, Finding]) -> Iterator[str]:
    """Yield the lines that say what came of each object, but for the valid ones."""
    yield f"{_overall(reading, findings):8}linearizable  {RULE} ({reading.answered:,} looks)"
    invalid = [(key, finding.part) for key, finding in findings.items() if finding.part is not None]
    for key, part in invalid[:SHOWN]:
        for line in _show(model, _named(key), part):
            yield f"{'':8}{line}"
    unsure = [(key, finding) for key, finding in findings.items() if finding.word == UNKNOWN]
    for key, finding in unsure[:SHOWN]:
        yield f"{'':8}{_named(key)}no verdict within {finding.steps - 1:,} steps: --budget N allows more"
    for word, found in (("invalid", invalid), ("without a verdict", unsure)):
        if len(found) > SHOWN:
            yield f"{'':8}{len(found) - SHOWN:,} more keys are {word}"


def _named(key: Hashable) -> str:
    return "" if key is None else f"key {cut(json.dumps(key))}: "


def _show(model: Model, named: str, part: Part) -> Iterator[str]:
    """Yield the lines that show a part that can't be explained."""
    count = len(part.operations)
    others = f", whatever the {part.left_out:,} others did" if part.left_out else ""
    what = "this operation" if count == 1 else f"these {count} operations"
    yield f"{named}line {part.last.end}: nothing explains {what}{others}:"
    if part.since is not None:
        begins = list(dict.fromkeys(_beginning(model, each) for each in part.beginnings))
        shown = begins[:BEGINNINGS_SHOWN] + ["another one"] * (len(begins) > BEGINNINGS_SHOWN)
        yield f"  after line {part.since}, where the state is {' or '.join(shown)}"
    for operation in part.operations[-OPERATIONS_SHOWN:]:
        yield f"  {_lines(operation, part)}: process {operation.process}: {model.show(operation)}"
    if count > OPERATIONS_SHOWN:
        yield f"  and {count - OPERATIONS_SHOWN:,} that began before these"
    for attempt in part.attempts:
        yield f"  tried: {_attempt(model, attempt)}"
    if part.more:
        yield f"  and {part.more:,} more orders"


def _beginning(model: Model, beginning: Beginning) -> str:
    state = model.show_state(beginning.state)
    return f"{state} with {_sequence(model, beginning.done)} in effect" if beginning.done else state


def _attempt(model: Model, attempt: Attempt) -> str:
    order = _sequence(model, attempt.order[-OPERATIONS_SHOWN:]) or "nothing"
    order = f"..., {order}" if len(attempt.order) > OPERATIONS_SHOWN else order
    blocked = f"{model.show(attempt.blocked)} (process {attempt.blocked.process})"
    state, needs = model.show_state(attempt.state), model.needs(attempt.blocked)
    return f"{order}; then the state is {state}, and {blocked} needs {needs}"


def _sequence(model: Model, operations: Sequence[Operation]) -> str:
    return ", ".join(f"{model.show(each)} (process {each.process})" for each in operations)


def _lines(operation: Operation, part: Part) -> str:
    """Return where an operation stands, and whether its end counts."""
    if operation in part.loose or operation.end is None or operation.end > (part.last.end or 0):
        return f"line {operation.begin}, at any time from there on"
    return f"lines {operation.begin} to {operation.end}"
