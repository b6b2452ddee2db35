"""``bayou check`` and ``bayou replay``: what a trace amounts to, and whether a run can be had again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bayou._arguments import add_functions
from bayou._statuses import EXIT_FAILED, EXIT_INVALID, EXIT_UNKNOWN, EXIT_WRONG
from bayou.check.history import HistoryError
from bayou.check.verdict import INVALID, UNKNOWN, overall
from bayou.core.errors import BayouError
from bayou.families.arguments import add_families, add_family_option
from bayou.families.judging import family_of, judge, rules_of
from bayou.trace.file import TraceError, read_events, to_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.trace.file import Event

SHOWN = 3


def check(arguments: Sequence[str] | None = None, prog: str = "bayou check") -> int:
    """Judge a trace, or anybody's history: 0 valid, 5 invalid, 6 unknown, 2 where it can't be read."""
    options = _read_options(
        arguments,
        prog,
        "Judge what happened in a run from its trace alone (bayou run --trace FILE), or with --model a "
        "history that anybody may have recorded.",
        "exit status: 0 valid, 5 invalid, 6 unknown (nothing was there to be judged, or the budget ran out), "
        "2 not readable",
        functions="that writes of the run have called; without it what depends on them is not judged",
        with_models=True,
    )
    if options.model is not None:
        from bayou.judging.anybody import check_history

        return check_history(options.file, options.model, options.budget, prog)
    try:
        events = list(_read(options.file))
        verdicts, rules = judge(events, options.functions), rules_of(family_of(events))
    except (OSError, TraceError, HistoryError, BayouError) as error:
        print(f"{prog}: {options.file}: {error}", file=sys.stderr)
        return EXIT_WRONG
    width = max(map(len, rules), default=0)
    for rule, verdict in verdicts.items():
        print(f"{verdict.word:8}{rule:{width}}  {rules[rule]} ({verdict.looked:,} looks)")
        for at, why in verdict.broken[:SHOWN]:
            print(f"{'':8}event {at}: {why}")
        if verdict.untold:
            print(f"{'':8}not judged: {verdict.untold}")
    word = overall(verdicts)
    print(word)
    return EXIT_INVALID if word == INVALID else EXIT_UNKNOWN if word == UNKNOWN else 0


def replay(arguments: Sequence[str] | None = None, prog: str = "bayou replay") -> int:
    """Run the commands of a trace again, simulated: 0 where the same happens, 1 where not, 2 not readable."""
    options = _read_options(
        arguments,
        prog,
        "Run again what a trace of the simulated world recorded: does the same happen?",
        "exit status: 0 when every event is the same, 1 when one differs, 2 when it can't be read",
        functions="that writes of the run have called",
    )
    from bayou.judging.replay import run_again

    try:
        events = list(_read(options.file))
        again = run_again(events, options.functions)
    except (OSError, TraceError, ValueError) as error:
        print(f"{prog}: {options.file}: {error}", file=sys.stderr)
        return EXIT_WRONG
    for number, (event, new) in enumerate(zip(events, again, strict=False), start=1):
        if to_line(event) != to_line(new):
            print(f"event {number} differs:\n-{to_line(event)}\n+{to_line(new)}")
            return EXIT_FAILED
    if len(events) != len(again):
        print(f"{len(events)} events then, {len(again)} now")
        return EXIT_FAILED
    print(f"{len(events)} events, the same again")
    return 0


def _read_options(
    arguments: Sequence[str] | None,
    prog: str,
    description: str,
    epilog: str,
    *,
    functions: str,
    with_models: bool = False,
) -> argparse.Namespace:
    add_families(arguments, prog)
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=epilog)
    also = "; with --model a history, - for standard input" if with_models else ""
    parser.add_argument("file", help=f"a trace{also}")
    add_family_option(parser)
    add_functions(parser, functions)
    if with_models:
        from bayou.judging.anybody import add_model_options, refuse_nonsense

        add_model_options(parser)
    options = parser.parse_args(arguments)
    if with_models:
        refuse_nonsense(parser, options)
    return options


def _read(name: str) -> list[Event]:
    with Path(name).open("rb") as lines:
        return list(read_events(lines))
