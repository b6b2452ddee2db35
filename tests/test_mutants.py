"""Mutants are what they should be: one change each that can matter, and the same ones on every run."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.mutants import Mutant, mutants_of, sample
from tests.mutation_known import KNOWN
from tests.mutation_runs import FAST, FAST_OPTIONS, JUDGES, LEFT_OUT, ROOT, fast_order, source_of

SOURCE = '''"""Docstrings with 1 == 2 stay."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a import b

    limit = 5


class C:
    """And 3."""

    def find(self, a: int, b: int = 7) -> bool:
        """Return 4."""
        if a < b and not self.done:
            self.send(a, b)
            raise ValueError(f"{a + 1} is not less than {min(a, b)}")
        for at in range(a):
            self.note("there are", a + 2)
            if at in self.known:
                break
        require(a >= 0, "a" + "b")
        return max(a, b) > 9

    def __repr__(self) -> str:
        return "C" * 2

    def waiting(self) -> list[str]:
        return ["waits"] * 3
'''


def changes() -> list[Mutant]:
    return mutants_of("c.py", SOURCE.encode())


def test_each_place_that_matters_is_changed_and_no_other() -> None:
    found = sorted((mutant.text.split(" ")[0], f"{mutant.kind}: {mutant.change}") for mutant in changes())
    assert found == sorted(
        [
            ("def", "constant: 7 -> 6"),
            ("def", "constant: 7 -> 8"),
            ("if", "statement: find emptied"),
            ("if", "condition: negated"),
            ("if", "boolean: and -> or"),
            ("if", "boolean: operand 1 dropped"),
            ("if", "boolean: operand 2 dropped"),
            ("if", "comparison: < -> <= (1)"),
            ("if", "comparison: < -> >= (1)"),
            ("if", "condition: not removed"),
            ("self.send(a,", "statement: call removed"),
            ("self.send(a,", "call: arguments 1 and 2 swapped"),
            ("raise", "statement: raise removed"),
            ('self.note("there', "statement: call removed"),
            ("if", "comparison: in -> not in (1)"),
            ("break", "statement: break -> continue"),
            ("break", "statement: break removed"),
            ("require(a", "statement: call removed"),
            ("require(a", "comparison: >= -> > (1)"),
            ("require(a", "comparison: >= -> < (1)"),
            ("require(a", "constant: 0 -> 1"),
            ("require(a", "constant: 0 -> -1"),
            ("return", "statement: returns None"),
            ("return", "call: max -> min"),
            ("return", "call: arguments 1 and 2 swapped"),
            ("return", "comparison: > -> >= (1)"),
            ("return", "comparison: > -> <= (1)"),
            ("return", "constant: 9 -> 8"),
            ("return", "constant: 9 -> 10"),
        ]
    )


def test_each_mutant_is_a_module_with_one_change() -> None:
    source = SOURCE.encode()
    for mutant in changes():
        changed = mutant.applied(source)
        compile(changed, "c.py", "exec")
        lines = [line for line in mutant.diff(source).splitlines()[3:] if line[0] in "+-"]
        assert "-" in [line[0] for line in lines]
        assert lines[-1] == f"+{lines[-1][1:]}"


def test_samples_are_the_same_again_and_give_each_module_its_share() -> None:
    mutants: list[Mutant] = []
    for name, times in (("small.py", 1), ("large.py", 9)):
        mutants += mutants_of(name, (SOURCE * times).encode())
    chosen = sample(mutants, 50, seed=3)
    assert chosen == sample(mutants[::-1], 50, seed=3)
    assert chosen != sample(mutants, 50, seed=4)
    assert len(set(chosen)) == 50
    assert 4 <= sum(mutant.module == "small.py" for mutant in chosen) <= 6
    assert sorted(sample(mutants, 10_000, 1), key=repr) == sorted(mutants, key=repr)


def test_what_is_known_to_make_no_difference_still_stands_there() -> None:
    """Else the reason given may no longer hold."""
    for module in {module for module, _, _ in KNOWN}:
        keys = {mutant.key for mutant in mutants_of(module, source_of(module))}
        assert {key for key in KNOWN if key[0] == module} <= keys


def test_the_fast_tests_are_there() -> None:
    for test in (*fast_order(""), *LEFT_OUT):
        assert (ROOT / test.split("::", maxsplit=1)[0]).exists()
    assert set(FAST) < set(fast_order(""))


def test_every_module_of_the_judges_has_its_tests() -> None:
    modules = [path.stem for path in (ROOT / "bayou" / "check").glob("*.py") if path.stem != "__init__"]
    assert sorted(module for modules in JUDGES for module in modules) == sorted(modules)
    assert fast_order("bayou/check/ballots.py")[0] == "tests/test_log_judge.py"
    assert fast_order("bayou/core/vector.py")[0] == "tests/test_core_vectors.py"


def collected(*options: str) -> set[str]:
    """Return the tests of one file that are run with these options where no plugin loads by itself."""
    command = [sys.executable, "-m", "pytest", *options, "--collect-only", "tests/test_explore_log.py"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, check=False, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_the_fast_tests_run_without_plugins() -> None:
    """Plugins would import what is to be mutated. What takes minutes is not asked for."""
    long = collected("-o", "addopts=", "-q", "-m", "campaign")
    assert long
    assert collected(*FAST_OPTIONS)
    assert not collected(*FAST_OPTIONS) & long
