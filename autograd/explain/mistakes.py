"""The mistakes of learners, each a `Mutant`: a reverse pass in which one step is done wrongly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from ..graph import topological
from ..ops import TABLE
from ..value import Value
from .engines import Adjoints, Mutant
from .slips import Slopes, chain

ACTIVATIONS = frozenset({
    "tanh", "sigmoid", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "exp", "log", "sqrt", "abs", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "erf", "gaussian", "normal_cdf", "normal_pdf",
})  # fmt: skip
"""Functions of one number whose derivative a learner forgets or takes at the wrong place."""


class Replaced(Mutant, ABC):
    """Another derivative for some operations."""

    operations: frozenset[str] = frozenset()

    @abstractmethod
    def wrong(self, node: Value) -> Sequence[float]:
        """What a learner takes for the derivatives."""

    def derivatives(self, node: Value) -> Sequence[float]:
        """Those of a learner for these operations, the right ones for all others."""
        return self.wrong(node) if node.op in self.operations else node.local_derivatives

    def written(self, node: Value, slopes: Slopes) -> float | None:
        """The same mistake on paper (see `autograd.explain.slips`)."""
        return chain(self.wrong(node), node, slopes) if node.op in self.operations else None


# ---- accumulation and order -------------------------------------------------------------------------------------


class _Overwrite(Mutant):
    name = "overwrite"
    mistake = "a gradient was assigned (=) where it must be added (+=), so only the last use of a value counts"
    reread = "a value used twice gets the sum over its uses (the multivariable chain rule)"

    def accumulate(self, before: float | None, contribution: float) -> float:
        return contribution


class _FirstPath(Mutant):
    name = "first path only"
    mistake = "only one path was followed: the second use of a value was forgotten"
    reread = "sum over all paths from the result to the value"

    def accumulate(self, before: float | None, contribution: float) -> float:
        return contribution if before is None else before


class ForgottenUse(Mutant):
    """One use of a value left out: which one, the claimed number tells."""

    name = "a use forgotten"
    reread = "sum over all uses of a value"

    def __init__(self, node: Value, position: int, mistake: str) -> None:
        self.node, self.position, self.mistake = node, position, mistake

    def derivatives(self, node: Value) -> Sequence[float]:
        """Zero for the use that was forgotten."""
        slopes = list(node.local_derivatives)
        if node is self.node:
            slopes[self.position] = 0.0
        return slopes


class _DepthFirst(Mutant):
    name = "no topological order"
    mistake = "nodes were visited depth first as met, so some handed their gradient on before all of it had arrived"
    reread = "topological order: a node's turn comes when all its users have had theirs"

    def order(self, root: Value) -> Iterable[Value]:
        seen: set[Value] = set()
        stack = [root]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                yield node
                stack.extend(reversed(node.parents))


class _BreadthFirst(Mutant):
    name = "level by level"
    mistake = "nodes were visited level by level from the result, although a value may be used on several levels"
    reread = "topological order: a node's turn comes when all its users have had theirs"

    def order(self, root: Value) -> Iterable[Value]:
        seen, queue = {root}, deque([root])
        while queue:
            node = queue.popleft()
            yield node
            for parent in node.parents:
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)


class _Stale(Mutant):
    name = "stale interior gradients"
    mistake = (
        "backward ran a second time and only the parameters were set to zero; the gradients in between were left over"
    )
    reread = "before a pass every gradient between the result and the leaves starts at zero"
    clears_interior, passes = False, 2


class _NoZeroGrad(Mutant):
    name = "no zero_grad"
    mistake = "gradients of an earlier backward were not set to zero, so two passes have added up"
    reread = "leaves accumulate from call to call: zero_grad before each new pass"
    zeroes_leaves, passes = False, 2


# ---- the chain rule ---------------------------------------------------------------------------------------------


class _LocalOnly(Mutant):
    name = "local derivative only"
    mistake = "the local derivative was not multiplied by the gradient that arrives from above"
    reread = "chain rule: ∂L/∂x = ∂L/∂out · ∂out/∂x"

    def contribution(self, adjoint: float, derivative: float) -> float:
        return derivative


class _UpstreamOnly(Replaced):
    name = "dropped activation derivative"
    mistake = "the derivative of a function (φ′(z)) was left out of the product"
    reread = "∂L/∂z = ∂L/∂a · φ′(z)"
    operations = ACTIVATIONS

    def wrong(self, node: Value) -> Sequence[float]:
        return (1.0, *node.local_derivatives[1:])


class _ValueForDerivative(Replaced):
    name = "value instead of derivative"
    mistake = "the value φ(z) stands where its derivative φ′(z) belongs"
    reread = "the derivative of each function (a table of derivatives)"
    operations = ACTIVATIONS - {"exp"}

    def wrong(self, node: Value) -> Sequence[float]:
        return (node.data, *node.local_derivatives[1:])


class _DerivativeAtOutput(Replaced):
    name = "derivative at the output"
    mistake = "φ′ was taken at the activation a instead of the net input z"
    reread = "φ′(z), not φ′(φ(z)): at which point a derivative is taken"
    operations = ACTIVATIONS

    def wrong(self, node: Value) -> Sequence[float]:
        data = [node.data, *(parent.data for parent in node.parents[1:])]
        return (TABLE[node.op].evaluate(*data)[1][0], *node.local_derivatives[1:])


class _OutputFormulaAtInput(Replaced):
    name = "1 − z² for 1 − a²"
    mistake = "a formula in terms of the activation (1 − a², a·(1 − a)) was used with the net input z"
    reread = "tanh′(z) = 1 − a² and σ′(z) = a·(1 − a) with a = φ(z)"
    operations = frozenset({"tanh", "sigmoid"})

    def wrong(self, node: Value) -> Sequence[float]:
        z = node.parents[0].data
        return (1 - z * z,) if node.op == "tanh" else (z * (1 - z),)


# ---- rules of differentiation -----------------------------------------------------------------------------------


class _SwappedFactors(Replaced):
    name = "swapped factors"
    mistake = "in a product each factor got itself as derivative instead of the other one"
    reread = "∂(x·y)/∂x = y"
    operations = frozenset({"mul", "dot"})

    def wrong(self, node: Value) -> Sequence[float]:
        return [parent.data for parent in node.parents]


class _SwappedQuotient(Replaced):
    name = "swapped quotient"
    mistake = "numerator and denominator of a quotient changed places in its derivatives"
    reread = "∂(x/y)/∂x = 1/y and ∂(x/y)/∂y = −x/y²"
    operations = frozenset({"div"})

    def wrong(self, node: Value) -> Sequence[float]:
        return node.local_derivatives[::-1]


class _QuotientSign(Replaced):
    name = "sign of a denominator"
    mistake = "the minus sign of ∂(x/y)/∂y = −x/y² was lost"
    reread = "the quotient rule"
    operations = frozenset({"div"})

    def wrong(self, node: Value) -> Sequence[float]:
        return node.local_derivatives[0], -node.local_derivatives[1]


class _SubtractionSign(Replaced):
    name = "sign of a subtraction"
    mistake = "the minus sign of ∂(x − y)/∂y = −1 was lost"
    reread = "∂(x − y)/∂y = −1"
    operations = frozenset({"sub", "neg"})

    def wrong(self, node: Value) -> Sequence[float]:
        return [1.0] * len(node.parents)


class _TurnedDifference(Replaced):
    name = "difference the wrong way round"
    mistake = "a difference was turned round, such as (y − ŷ) for (ŷ − y), so that a sign is wrong"
    reread = "which of the two is subtracted in the loss"
    operations = frozenset({"sub"})

    def wrong(self, node: Value) -> Sequence[float]:
        return -1.0, 1.0


class _ExponentDropped(Replaced):
    name = "power rule without the factor"
    mistake = "the exponent did not come down as a factor: xⁿ⁻¹ for n·xⁿ⁻¹"
    reread = "the power rule: d(xⁿ)/dx = n·xⁿ⁻¹"
    operations = frozenset({"pow"})

    def wrong(self, node: Value) -> Sequence[float]:
        n = node.parents[1].data
        return (node.local_derivatives[0] / n if n else 0.0), node.local_derivatives[1]


class _ExponentKept(Replaced):
    name = "power rule without lowering"
    mistake = "the exponent came down as a factor but was not lowered: n·xⁿ for n·xⁿ⁻¹"
    reread = "the power rule: d(xⁿ)/dx = n·xⁿ⁻¹"
    operations = frozenset({"pow"})

    def wrong(self, node: Value) -> Sequence[float]:
        return node.parents[1].data * node.data, node.local_derivatives[1]


class _MeanForgotten(Mutant):
    name = "1/N forgotten"
    mistake = "the constant in front of the sum (1/N of a mean, ½ of a squared error) was forgotten"
    reread = "d(c·f)/dx = c·df/dx"

    def prepare(self, root: Value) -> None:
        self.scales: set[Value] = set()
        while root.op in ("mul", "div", "neg"):
            constants = [parent.op == "constant" for parent in root.parents]
            if root.op == "neg" or sum(constants) != 1 or (root.op == "div" and constants[0]):
                break
            self.scales.add(root)
            root = root.parents[constants.index(False)]

    def release(self) -> None:
        self.scales = set()

    def derivatives(self, node: Value) -> Sequence[float]:
        if node.op == "mean" or node in self.scales:
            return [1.0] * len(node.parents)
        return node.local_derivatives


class UpdatedWeights(Mutant):
    """Weights are updated from the result downwards, and the gradients below are computed with the new ones."""

    name = "updated weights"
    mistake = "a weight was updated before the gradients below it were computed with its old value"
    reread = "all gradients first, then all updates"

    def __init__(self, lr: float = 0.1) -> None:
        self.lr = lr
        self.new: dict[Value, float] = {}

    def prepare(self, root: Value) -> None:
        """Find the updated weights: those of the last layer do not depend on others, those before them do."""
        order = topological(root)
        weights = [node for node in order if not node.parents and node.op != "constant"]
        self.new = {}
        for _ in range(50):
            adjoints: Adjoints = {root: 1.0}
            for node in reversed(order):
                for parent, derivative in zip(node.parents, self.derivatives(node)):
                    adjoints[parent] = adjoints.get(parent, 0.0) + self.contribution(
                        adjoints.get(node, 0.0), derivative
                    )
            new = {w: w.data - self.lr * adjoints.get(w, 0.0) for w in weights}
            if new == self.new:
                return
            self.new = new

    def derivatives(self, node: Value) -> Sequence[float]:
        """Those of products with the new weights."""
        if node.op not in ("mul", "dot") or self.new.keys().isdisjoint(node.parents):
            return node.local_derivatives
        data = [self.new.get(parent, parent.data) for parent in node.parents]
        return TABLE[node.op].evaluate(*data)[1]


ALL: tuple[Mutant, ...] = (
    _Overwrite(), _FirstPath(), _DepthFirst(), _BreadthFirst(), _Stale(), _NoZeroGrad(), _LocalOnly(), _UpstreamOnly(),
    _ValueForDerivative(), _DerivativeAtOutput(), _OutputFormulaAtInput(), _SwappedFactors(), _SwappedQuotient(),
    _QuotientSign(), _SubtractionSign(), _TurnedDifference(), _ExponentDropped(), _ExponentKept(), _MeanForgotten(),
)  # fmt: skip
"""The mistakes that need no further number; `UpdatedWeights` needs the learning rate."""
