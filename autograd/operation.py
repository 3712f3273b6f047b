"""`Op`: what an entry of the table of operations says, and how it is read for floats."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from . import formulas
from .floats import CONSTANTS, FAULTS, FLOAT_FUNCTIONS, IEEE_FUNCTIONS, namespace

KINDS = ("arithmetic", "elementary", "activation", "choice", "comparison")
"""What an operation can be: sums, products and quotients of its arguments; a function of a pocket calculator or of
statistics; a function that neurons apply; one of its arguments, chosen by size; 1 or 0."""

Slopes = tuple[float, ...]
Evaluate = Callable[..., tuple[float, Slopes]]


class Op:
    """One operation: its value, its derivatives and how it is written.

    Attributes:
        name: what `Value.op` shows, and the name of the method and function (``"tanh"``).
        formula: the value in terms of the arguments.
        derivatives: one formula per argument, in terms of the arguments and ``out``, the value.
        textbook: the same as books write them, where `derivatives` has a longer form that keeps more digits, else
            ``""``. Only for reading: no number is computed from it.
        arguments: names of the arguments in order. A name that starts with ``*`` stands for a list of Values;
            its derivative formula gives a list of the same length.
        takes_list: whether an argument is a list of Values (dot, mean, log_sum_exp, softmax).
        gives_list: whether the function takes one list and gives a node for each entry ``x``, with the others as
            ``xs``.
        defaults: values of trailing arguments that may be left out.
        kind: what the operation is: one of `KINDS`.
        latex: how the operation is printed, with ``$x`` for an argument (``r"\\tanh $x"``).
        word: what readers call it where programs say otherwise (``"arcsin"`` for asin); by default its name.
        symbol: the infix or prefix sign, if it has one (``"+"``).
        method: the name of the method on `Value` (``"__add__"``; by default its own name; ``""`` for none).
        has_function: whether ``autograd`` has a function of this name; operators (``+``, ``abs``) are Python's own.
        aliases: more names of that method: NumPy's, which calls ``x.arcsin()`` for the entries of an array of Values,
            or Python's (``"__floor__"``).
        kinks: expressions of the arguments that are zero where the derivative jumps.
        domain: expressions of the arguments that are negative outside the domain and zero on its edge.
        text: one sentence for the docstring.
    """

    __slots__ = (
        "name", "formula", "derivatives", "textbook", "arguments", "takes_list", "gives_list", "defaults", "kind",
        "latex", "word", "symbol", "method", "has_function", "aliases", "kinks", "domain", "text", "_evaluate",
        "_parsed",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        formula: str,
        derivatives: Sequence[str],
        latex: str,
        *,
        textbook: Sequence[str] = (),
        arguments: Sequence[str] = ("x",),
        defaults: Mapping[str, float] | None = None,
        kind: str = "elementary",
        word: str = "",
        symbol: str = "",
        method: str | None = None,
        aliases: Sequence[str] = (),
        kinks: Sequence[str] = (),
        domain: Sequence[str] = (),
        text: str = "",
    ) -> None:
        self.name = name
        self.formula = formula
        self.derivatives = tuple(derivatives)
        self.textbook = tuple(textbook) or ("",) * len(self.derivatives)
        self.arguments = tuple(arguments)
        self.takes_list = any(argument.startswith("*") for argument in self.arguments)
        self.gives_list = self.takes_list and not self.arguments[0].startswith("*")
        self.defaults = dict(defaults or {})
        self.kind = kind
        self.latex = latex
        self.word = word or name
        self.symbol = symbol
        self.method = name if method is None else method
        self.has_function = self.method == name
        self.aliases = tuple(aliases)
        self.kinks = tuple(kinks)
        self.domain = tuple(domain)
        self.text = text
        self._evaluate: Evaluate | None = None
        self._parsed: tuple[ast.expr, list[ast.expr]] | None = None

    def evaluate(self, *parents: float) -> tuple[float, Slopes]:
        """The value and the local derivatives, one per parent, on floats. Never raises for a float."""
        if self._evaluate is None:
            self._evaluate = _evaluator(self)
        return self._evaluate(*parents)

    def bind(self, parents: Sequence[object]) -> tuple[object, ...]:
        """The arguments of the formula from a flat sequence of parents: ``(x, *xs)`` becomes ``x, [xs…]``."""
        lists = sum(name.startswith("*") for name in self.arguments)
        if not lists:
            return tuple(parents)
        length = (len(parents) - len(self.arguments) + lists) // lists
        bound: list[object] = []
        position = 0
        for name in self.arguments:
            if name.startswith("*"):
                bound.append(list(parents[position : position + length]))
                position += length
            else:
                bound.append(parents[position])
                position += 1
        return tuple(bound)

    def __repr__(self) -> str:
        return f"Op({self.name}: {self.formula}; d = {', '.join(self.derivatives)})"


UNREGISTERED = " (unregistered)"
"""What stands after the operation of an old node once its name was registered with another formula."""


class UnknownOperationError(KeyError):
    """A node's operation is not in the table: it was registered once, and taken back."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Table(dict[str, Op]):
    def __missing__(self, name: str) -> Op:
        plain = name.removesuffix(UNREGISTERED)
        raise UnknownOperationError(
            f"the operation {plain!r} is not registered"
            + (" with the formula that this node was made with" if plain != name else "")
            + "; the node keeps its value and its recorded derivatives, and nothing else is known of it. Register the "
            "operation again and build the graph again"
        )


TABLE: dict[str, Op] = _Table()
"""The operations by name; `autograd.ops` fills it."""

REGISTERED: set[str] = set()
"""Which of them users have added."""


# ---- reading the formulas ---------------------------------------------------------------------------------------


def known_functions(derivative: bool = False) -> set[str]:
    """The functions that a formula may call; a derivative keeps to operations, which work on Values too."""
    operations = {name for name, op in TABLE.items() if op.has_function and not op.takes_list} | {"abs", "pow"}
    return operations if derivative else operations | set(FLOAT_FUNCTIONS)


def parse(op: Op, text: str, derivative: bool = False) -> ast.expr:
    """A formula of an operation as a checked syntax tree.

    Raises:
        FormulaError: the formula uses something else than the arguments, ``out`` (derivatives only), ``inf``,
            ``nan`` and known functions.
    """
    names = {*op.arguments, *CONSTANTS, *(["out"] if derivative else [])}
    return formulas.parse(text, known_functions(derivative) | {"where"}, names)


@lru_cache(maxsize=1024)  # a graph has many nodes of few operations
def read_derivative(op: Op, position: int) -> ast.expr:
    """The derivative by one argument as a reader should see it: the form of the books where there is one."""
    return parse(op, op.textbook[position] or op.derivatives[position], derivative=True)


def _trees(op: Op) -> tuple[ast.expr, list[ast.expr]]:
    if op._parsed is None:
        op._parsed = parse(op, op.formula), [parse(op, text, derivative=True) for text in op.derivatives]
    return op._parsed


def float_source(op: Op, ieee: bool = False) -> tuple[str, list[str]]:
    """Python source of the value and of each derivative on floats, in terms of the arguments and ``out``."""
    if op.takes_list:
        return op.formula, list(op.derivatives)
    value, derivatives = _trees(op)
    return formulas.for_floats(value, ieee), [formulas.for_floats(tree, ieee) for tree in derivatives]


def may_raise(op: Op) -> bool:
    """Whether the fast float form of the value or of a derivative of an operation on numbers can raise."""
    value, derivatives = _trees(op)
    return any(map(formulas.may_raise, [value, *derivatives]))


_WHOLE = re.compile(r"(\w+)\(\[x, \*xs\]\)")


def evaluated_once(op: Op) -> tuple[list[str], str, list[str]]:
    """The formulas of an operation that gives a list, and the functions of the whole list that they call.

    Instead of ``shares([x, *xs])`` the formulas say ``shares_here``, so that it is evaluated once.
    """
    texts = [op.formula, *op.derivatives]
    names = dict.fromkeys(name for text in texts for name in _WHOLE.findall(text))
    value, *derivatives = (_WHOLE.sub(r"\1_here", text) for text in texts)
    return list(names), value, derivatives


def slopes_source(op: Op, derivatives: Sequence[str]) -> str:
    """Python source of the tuple of local derivatives, one per parent."""
    return tuple_source([f"*{d}" if name.startswith("*") else d for name, d in zip(op.arguments, derivatives)])


def tuple_source(entries: Sequence[str]) -> str:
    """Python source of a tuple, one entry a line where it is long."""
    if sum(map(len, entries)) > 90:
        return "(\n" + "".join(f"            {entry},\n" for entry in entries) + "        )"
    return f"({entries[0]},)" if len(entries) == 1 else f"({', '.join(entries)})"


def _evaluator(op: Op) -> Evaluate:
    names = [name.lstrip("*") for name in op.arguments]
    bodies: list[Callable[..., tuple[float, Slopes]]] = []
    for ieee in (False, True):
        lines = [f"def evaluate({', '.join(names)}):"]
        if op.gives_list:
            whole, value, derivatives = evaluated_once(op)
            lines += [f"    {name}_here = {name}([x, *xs])" for name in whole]
        else:
            value, derivatives = float_source(op, ieee)
        lines += [f"    out = {value}", f"    return out, {slopes_source(op, derivatives)}"]
        scope = namespace(ieee)
        exec(compile("\n".join(lines), f"<operation {op.name}>", "exec"), scope)
        bodies.append(scope["evaluate"])  # type: ignore[arg-type]
    fast, exact = bodies
    has_list = op.takes_list

    def evaluate(*parents: float) -> tuple[float, Slopes]:
        arguments = op.bind(parents) if has_list else parents
        try:
            return fast(*arguments)
        except FAULTS:
            return exact(*arguments)

    return evaluate


# ---- entering ---------------------------------------------------------------------------------------------------


def check(op: Op) -> None:
    """Refuse an operation whose formulas are not in the language, or call a function wrongly (FormulaError)."""
    if op.kind not in KINDS:
        raise ValueError(f"{op.name}: an operation is of one of the kinds {', '.join(KINDS)}, not {op.kind!r}")
    _trees(op)
    for text in (*op.kinks, *op.domain):
        parse(op, text)
    for text in filter(None, op.textbook):
        parse(op, text, derivative=True)
    try:
        op.evaluate(*[0.5] * len(op.arguments))
    except TypeError as error:
        raise formulas.FormulaError(f"{op.name}: {error}") from None


def enter(op: Op) -> None:
    """Put an operation into the table; formulas entered later can call it on floats."""
    TABLE[op.name] = op
    if op.has_function and not op.takes_list and op.name not in FLOAT_FUNCTIONS:
        tree = parse(op, op.formula)
        names = [f"{name}={op.defaults[name]}" if name in op.defaults else name for name in op.arguments]
        for ieee, functions in ((False, FLOAT_FUNCTIONS), (True, IEEE_FUNCTIONS)):
            source = formulas.for_floats(tree, ieee)
            functions[op.name] = eval(f"lambda {', '.join(names)}: {source}", namespace(ieee))


def withdraw(name: str) -> None:
    """Take an operation out of the table again."""
    for table in (TABLE, FLOAT_FUNCTIONS, IEEE_FUNCTIONS):
        table.pop(name, None)
