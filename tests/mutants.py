"""Mutants: modules with one small change each, made from their syntax tree, for tests/mutation.py.

Changed are comparisons, ``and`` and ``or`` (either half is dropped too), conditions, ``not``, whole numbers
and truth values, arithmetic, ``min`` and ``max``, ``any`` and ``all``, the order of arguments, keyword
arguments, and statements (removed, or a function emptied). Left alone is what nobody's behaviour depends on:
docstrings, annotations, the texts of errors and of what is waited for, ``__repr__``, notes, and what is
imported for types only.
"""

from __future__ import annotations

import ast
import difflib
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Mutant:
    """One change: ``module`` is a path below the root, ``text`` the line as it stands, ``kind`` and
    ``change`` say what is done, and bytes ``start`` to ``stop`` of the source become ``new``."""

    module: str
    line: int
    text: str
    kind: str
    change: str
    start: int
    stop: int
    new: bytes

    def applied(self, source: bytes) -> bytes:
        """Return the source of the module with the change."""
        return source[: self.start] + self.new + source[self.stop :]

    def diff(self, source: bytes) -> str:
        """Return the change as a unified diff with a line of context."""
        before, after = (code.decode().splitlines() for code in (source, self.applied(source)))
        return "\n".join(difflib.unified_diff(before, after, self.module, "mutant", n=1, lineterm=""))

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it even when lines have moved; see tests/mutation_known.py."""
        return self.module, self.text, f"{self.kind}: {self.change}"


COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "iter"}
TELLING_CALLS = ("note", "Failed", "Misuse", "PeerError", "BayouError", "InvariantBroken", "TypeVar")
"""Calls of which only people read what is passed."""
TELLING_FUNCTIONS = ("__repr__", "__str__", "waiting")


def mutants_of(module: str, source: bytes) -> list[Mutant]:
    """Return all mutants of a module with this source; ``module`` is its path below the root."""
    return list(_Maker(module, source).make())


def sample(mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """Return some of the mutants, of each module its share, in an order that is spread over the modules."""
    rng = random.Random(seed)
    shuffled = sorted(mutants, key=lambda mutant: (mutant.module, mutant.start, mutant.kind, mutant.change))
    rng.shuffle(shuffled)
    counts = Counter(mutant.module for mutant in mutants)
    shifts = {module: rng.random() for module in sorted(counts)}
    done: Counter[str] = Counter()
    ranked: list[tuple[float, int]] = []
    for mutant in shuffled:
        ranked.append(((done[mutant.module] + shifts[mutant.module]) / counts[mutant.module], len(ranked)))
        done[mutant.module] += 1
    return [shuffled[at] for _, at in sorted(ranked)[:size]]


class _Maker:
    """Walks one module and makes its mutants."""

    def __init__(self, module: str, source: bytes) -> None:
        self._module = module
        self._source = source
        self._lines = source.decode().splitlines()
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._tree = ast.parse(source)

    def make(self) -> Iterator[Mutant]:
        """Give out all mutants, each once."""
        seen: set[tuple[int, int, bytes]] = set()
        for mutant in self._visit(self._tree):
            what = (mutant.start, mutant.stop, mutant.new)
            if what not in seen:
                seen.add(what)
                yield mutant

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends in the source."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError(f"{node} has no end")
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _mutant(self, node: ast.expr | ast.stmt, kind: str, change: str, new: str) -> Mutant:
        text = self._lines[node.lineno - 1].strip()
        return Mutant(self._module, node.lineno, text, kind, change, *self._span(node), new.encode())

    def _changed(self, node: ast.expr, kind: str, change: str, new: ast.expr) -> Mutant:
        return self._mutant(node, kind, change, f"({ast.unparse(new)})")

    def _visit(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.stmt):
            yield from self._statement(node)
        elif isinstance(node, ast.expr):
            yield from self._expression(node)
        for child in _children(node):
            yield from self._visit(child)

    # Statements.

    def _statement(self, node: ast.stmt) -> Iterator[Mutant]:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pass
            case ast.FunctionDef():
                yield from self._function(node)
            case ast.If(test=test) | ast.While(test=test):
                yield from self._condition(test)
            case ast.AugAssign():
                yield from self._augmented(node)
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
                yield self._mutant(node, "statement", "assignment removed", "pass")
            case ast.Delete() | ast.Raise() | ast.Expr(value=ast.Call()):
                yield self._mutant(node, "statement", f"{_what(node)} removed", "pass")
            case _:
                yield from self._jump(node)

    def _jump(self, node: ast.stmt) -> Iterator[Mutant]:
        match node:
            case ast.Return(value=None):
                yield self._mutant(node, "statement", "return removed", "pass")
            case ast.Return(value=value) if not isinstance(value, ast.Constant) or value.value is not None:
                yield self._mutant(node, "statement", "returns None", "return None")
            case ast.Break():
                yield self._mutant(node, "statement", "break -> continue", "continue")
                yield self._mutant(node, "statement", "break removed", "pass")
            case ast.Continue():
                yield self._mutant(node, "statement", "continue -> break", "break")
                yield self._mutant(node, "statement", "continue removed", "pass")

    def _augmented(self, node: ast.AugAssign) -> Iterator[Mutant]:
        yield self._mutant(node, "statement", "assignment removed", "pass")
        other = ARITHMETIC.get(type(node.op))
        if other is not None:
            changed = ast.AugAssign(node.target, other(), node.value)
            yield self._mutant(node, "arithmetic", _ops(node.op, other()), ast.unparse(changed))

    def _function(self, node: ast.FunctionDef) -> Iterator[Mutant]:
        """Empty a function, and remove assignments to names that have a value before."""
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        if len(body) > 1:
            first, last = body[0], body[-1]
            change = f"{node.name} emptied"
            start, stop = self._span(first)[0], self._span(last)[1]
            text = self._lines[first.lineno - 1].strip()
            yield Mutant(self._module, first.lineno, text, "statement", change, start, stop, b"pass")
        had = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
                name = inner.targets[0].id
                if name in had:
                    yield self._mutant(inner, "statement", "assignment removed", "pass")
                had.add(name)

    def _condition(self, test: ast.expr) -> Iterator[Mutant]:
        plain = isinstance(test, ast.Compare) and len(test.ops) == 1
        if not plain and not isinstance(test, ast.UnaryOp):
            yield self._changed(test, "condition", "negated", ast.UnaryOp(ast.Not(), test))

    # Expressions.

    def _expression(self, node: ast.expr) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                yield from self._comparison(node)
            case ast.BoolOp():
                yield from self._boolean(node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._changed(node, "condition", "not removed", operand)
            case ast.IfExp(test=test):
                yield from self._condition(test)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                other = ARITHMETIC[type(op)]()
                yield self._changed(node, "arithmetic", _ops(op, other), ast.BinOp(left, other, right))
            case ast.Constant():
                yield from self._constant(node)
            case ast.Call():
                yield from self._call(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for test in [test for generator in node.generators for test in generator.ifs]:
                    yield from self._condition(test)

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self._mutant(node, "constant", f"{value} -> {not value}", str(not value))
        elif isinstance(value, int | float):
            for changed in (value + 1, value - 1):
                yield self._mutant(node, "constant", f"{value} -> {changed}", f"({changed})")

    def _comparison(self, node: ast.Compare) -> Iterator[Mutant]:
        for at, op in enumerate(node.ops):
            for other in COMPARISONS[type(op)]:
                ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                changed = ast.Compare(node.left, ops, node.comparators)
                yield self._changed(node, "comparison", f"{_ops(op, other())} ({at + 1})", changed)

    def _boolean(self, node: ast.BoolOp) -> Iterator[Mutant]:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        change = "and -> or" if isinstance(node.op, ast.And) else "or -> and"
        yield self._changed(node, "boolean", change, ast.BoolOp(other, node.values))
        for at in range(len(node.values)):
            values = node.values[:at] + node.values[at + 1 :]
            left = values[0] if len(values) == 1 else ast.BoolOp(node.op, values)
            yield self._changed(node, "boolean", f"operand {at + 1} dropped", left)

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        if isinstance(node.func, ast.Name) and node.func.id in CALLED:
            other = CALLED[node.func.id]
            yield self._mutant(node.func, "call", f"{node.func.id} -> {other}", other)
        if _called(node) in TELLING_CALLS or any(isinstance(each, ast.Starred) for each in node.args):
            return
        for at in range(len(node.args) - 1 if _called(node) != "require" else 0):
            if ast.dump(node.args[at]) == ast.dump(node.args[at + 1]):
                continue
            args = [*node.args[:at], node.args[at + 1], node.args[at], *node.args[at + 2 :]]
            changed = ast.Call(node.func, args, node.keywords)
            yield self._mutant(node, "call", f"arguments {at + 1} and {at + 2} swapped", ast.unparse(changed))
        for keyword in node.keywords:
            rest = [each for each in node.keywords if each is not keyword]
            changed = ast.Call(node.func, node.args, rest)
            yield self._mutant(node, "call", f"argument {keyword.arg} dropped", ast.unparse(changed))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Give out what is to be changed below a node."""
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Import() | ast.ImportFrom():
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield from node.orelse
        case ast.FunctionDef(name=name) if name in TELLING_FUNCTIONS:
            return
        case ast.FunctionDef(args=args):
            yield from [*args.defaults, *(default for default in args.kw_defaults if default), *node.body]
        case ast.Assign(targets=[ast.Name(id="TYPE_CHECKING")]):
            return
        case ast.AnnAssign(value=value):
            yield from [] if value is None else [value]
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=func, args=args) if _called(node) == "require":
            yield from [func, *args[:1]]
        case ast.Call() if _called(node) in TELLING_CALLS:
            return
        case _:
            yield from ast.iter_child_nodes(node)


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _what(node: ast.Delete | ast.Raise | ast.Expr) -> str:
    return "del" if isinstance(node, ast.Delete) else "raise" if isinstance(node, ast.Raise) else "call"


def _ops(old: ast.AST, new: ast.AST) -> str:
    return f"{_symbol(old)} -> {_symbol(new)}"


def _symbol(op: ast.AST) -> str:
    a, b = ast.Name("a"), ast.Name("b")
    if isinstance(op, ast.cmpop):
        return ast.unparse(ast.Compare(a, [op], [b]))[2:-2]
    assert isinstance(op, ast.operator)
    return ast.unparse(ast.BinOp(a, op, b))[2:-2]
