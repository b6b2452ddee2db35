"""The checker of histories against its twin (tests/linear_twin.py), on histories made up from seeds.

    python -m tests.linear_campaign --seeds 20000
    python -m tests.linear_campaign --seeds 0 --mangled 10000

Of each small history both have to say the same; where it is invalid, the part that is shown has to be one
that the twin can't explain either. Mangled ones are judged the same or refused with a line; bytes that are
garbage are judged or refused. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest import mock

from bayou.check import minimal
from bayou.check.minimal import Finding, Part, examine
from bayou.check.model import Operation, by_key
from bayou.check.models import MODELS
from bayou.check.operations import read_history
from bayou.check.verdict import INVALID, UNKNOWN, VALID
from tests.linear_histories import MODELS as NAMES
from tests.linear_histories import Made, garbage, lines_of, mangled, random_history, unknown_history
from tests.linear_twin import Call, calls_of, explainable, some_order

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

TWIN_MAX = 7
"""The twin tries every order: of more operations than these there are too many."""


def judged(model: str, operations: Sequence[Operation], budget: int = 100_000) -> dict[Hashable, Finding]:
    """Return what the checker says of each key."""
    return {key: examine(MODELS[model](), own, budget) for key, own in by_key(operations).items()}


def word_of(findings: dict[Hashable, Finding]) -> str:
    """Return the verdict on all keys."""
    words = {finding.word for finding in findings.values()}
    return INVALID if INVALID in words else UNKNOWN if UNKNOWN in words else VALID


def check_small(seed: int, counts: Counter[str]) -> str | None:
    """Compare checker and twin on one small history; return what is wrong."""
    rng = random.Random(seed)
    model, events = unknown_history(rng) if seed % 3 == 2 else random_history(rng)
    reading = read_history(lines_of(events), model)
    if reading.problems:
        return f"seed {seed}: a history was refused: {reading.problems[0]}"
    with mock.patch.object(minimal, "SMALL", seed % 2 * 4):
        findings = judged(model, reading.operations)
    word = word_of(findings)
    counts[f"{model} {word}"] += 1
    if (word == VALID) is not explainable(events) or word == UNKNOWN:
        return f"seed {seed}: {word}, and the twin says the opposite of {events}"
    for key, finding in findings.items():
        if finding.part is None:
            continue
        counts["parts"] += 1
        counts["parts that begin later"] += finding.part.since is not None
        wrong = what_is_wrong(finding.part, by_key(reading.operations)[key])
        if wrong is not None:
            return f"seed {seed}: {wrong}: {finding.part}"
    return None


def what_is_wrong(part: Part, operations: Sequence[Operation]) -> str | None:
    """Return what is wrong with the part that is shown of a history, if anything, by the twin's opinion."""
    tight = [each for each in part.operations if _ends_within(each, part) and each not in part.loose]
    loose = [each for each in part.operations if each not in tight]
    for beginning in part.beginnings:
        state = _plain(beginning.state)
        own = [_call(each, ends=True) for each in tight if each not in beginning.done]
        own += [_call(each, ends=False) for each in loose if each not in beginning.done]
        if some_order(own, state):
            return "what is shown can be explained"
    if part.since is not None:
        return None
    state = _plain(part.beginnings[0].state)
    others = [each for each in operations if each.begin <= (part.last.end or 0) and each not in tight]
    weak = [_call(each, ends=False) for each in others if each.result is not False]
    if some_order([*(_call(each, ends=True) for each in tight), *weak], state):
        return "it can be explained by what is left out"
    before = [_call(each, ends=each != part.last) for each in tight]
    if not some_order([*before, *(_call(each, ends=False) for each in loose)], state):
        return "what comes before its last end can't be explained by what is shown"
    if not part.attempts:
        return "no order is shown that was tried"
    return None


def _ends_within(operation: Operation, part: Part) -> bool:
    return operation.end is not None and operation.end <= (part.last.end or 0)


def _plain(state: Any) -> Any:
    """Return a state of the models as the twin has it."""
    if isinstance(state, tuple):
        return state[0] if state else None
    return json.loads(state)


def _call(operation: Operation, *, ends: bool) -> Call:
    argument, result = operation.argument, operation.result
    value = [json.loads(each) for each in argument] if isinstance(argument, tuple) else None
    value = json.loads(argument) if isinstance(argument, str) else value
    result = json.loads(result) if isinstance(result, str) else result
    end = operation.end if ends else None
    return Call(operation.process, operation.begin, operation.function, None, value, end, result)


def check_mangled(seed: int, counts: Counter[str]) -> str | None:
    """Mangle a right history, and see that it is judged or refused; return what is wrong."""
    rng = random.Random(seed)
    model = rng.choice(NAMES)
    operations = rng.randint(2, 6) if rng.random() < 0.7 else rng.randint(7, 40)
    values = [0, 1, True, "1", None]
    right = Made(rng, model, values, rng.randint(1, 3), 0.1).make(operations, rng.randint(1, 5))
    findings = judged(model, read_history(lines_of(right), model).operations)
    if word_of(findings) != VALID:
        return f"seed {seed}: a right history is {word_of(findings)}"
    events = mangled(rng, right)
    reading = read_history(lines_of(events), model)
    if reading.problems:
        counts["refused"] += 1
    else:
        word = word_of(judged(model, reading.operations, 20_000))
        counts[word] += 1
        if len(calls_of(events)) <= TWIN_MAX:
            counts["compared with the twin"] += 1
            if (word == VALID) is not explainable(events):
                return f"seed {seed}: {word}, and the twin says the opposite of {events}"
    reading = read_history(garbage(rng, lines_of(right)), model)
    counts["garbage refused" if reading.problems else "garbage judged"] += 1
    judged(model, reading.operations, 20_000)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.linear_campaign")
    parser.add_argument("--seeds", type=int, default=20_000, help="small histories (default: 20000)")
    parser.add_argument("--mangled", type=int, default=0, help="mangled histories (default: none)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (default: 0)")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong = [check_small(seed, counts) for seed in range(options.seed, options.seed + options.seeds)]
    wrong += [check_mangled(seed, counts) for seed in range(options.seed, options.seed + options.mangled)]
    found = [each for each in wrong if each is not None]
    for each in found[:20]:
        print(each)
    print(", ".join(f"{what}: {count:,}" for what, count in sorted(counts.items())))
    print(f"{len(found):,} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
