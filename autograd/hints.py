"""Names that readers bring along from other libraries (NumPy, PyTorch, JAX, HIPS autograd, micrograd)."""

from __future__ import annotations

from typing import NoReturn

_TABLE = {
    # functions
    "logsumexp logaddexp": "use autograd.log_sum_exp([x, y, …])",
    "arcsin": "use autograd.asin",
    "arccos": "use autograd.acos",
    "arctan": "use autograd.atan",
    "ln": "use autograd.log, the natural logarithm",
    "pow power float_power": "write x ** y",
    "abs absolute fabs": "write abs(x)",
    "add sub subtract mul multiply div divide neg negative": "write x + y, x - y, x * y, x / y, -x",
    "sum fsum": "write sum(values)",
    "max amax fmax": "use autograd.maximum(x, y)",
    "min amin fmin": "use autograd.minimum(x, y)",
    "matmul mm einsum inner": "use autograd.dot of two lists, once for each entry of the result",
    "logistic expit": "use autograd.sigmoid",
    "swish": "use autograd.silu",
    "cdf ndtr": "use autograd.normal_cdf",
    "pdf": "use autograd.normal_pdf",
    "select cond": "use autograd.where(condition, a, b)",
    # values
    "tensor Tensor array asarray ndarray as_tensor from_numpy Variable Scalar Node Var": (
        "use autograd.Value, one for each number: [autograd.Value(x) for x in numbers]"
    ),
    "Parameter": "use autograd.Value; the Values in the attributes of a nn.Module are its parameters",
    "zeros ones full empty randn rand": "make a list: [autograd.Value(0.0) for _ in range(n)]",
    "detach stop_gradient": "use autograd.Value(x.data), a new leaf with the same number",
    # derivatives
    "jacrev jacfwd make_jacobian": 'use autograd.jacobian(…, mode="forward") or "reverse"',
    "make_dual dual_level unpack_dual Dual": "use autograd.dual_numbers",
    "make_jvp linearize jacobian_vector_product": "use autograd.jvp",
    "make_vjp vector_jacobian_product": "use autograd.vjp",
    "gradient elementwise_grad egrad deriv": "use autograd.grad",
    "val_and_grad": "use autograd.value_and_grad",
    "hessian_vector_product make_hvp": "use autograd.hvp",
    "vmap jit pmap": "use autograd.compile: a function of one sample becomes a program that runs on batches",
    "Function primitive custom_vjp custom_jvp custom_gradient defvjp": (
        "use autograd.register(name, formula, derivative)"
    ),
    "check_grads check_grad gradgradcheck": "use autograd.gradcheck; order=2 checks second derivatives",
    "inference_mode set_grad_enabled": "use autograd.no_grad",
    "enable_grad": "recording is on unless autograd.no_grad turns it off",
    "set_detect_anomaly debug_nans": "use autograd.detect_anomaly",
    "draw_dot show plot visualize make_dot": "use autograd.draw",
    # other packages
    "numpy scipy": "this is tracegrad, which works on scalars; HIPS autograd is another package of the same name",
    "nn optim Module Neuron Layer MLP fit": "networks, optimizers and training are in the package nn: import nn",
}

HINTS = {name: text for names, text in _TABLE.items() for name in names.split()}
"""What `autograd` says about each of these names: what to write instead."""

_OF_VALUE = {
    "item numpy tolist float double value val": "the number is v.data",
    "detach clone": "a new leaf with the same number is autograd.Value(v.data)",
    "requires_grad requires_grad_ retain_grad retain_graph": "every Value records how it was made and keeps its .grad",
    "is_leaf grad_fn": "v.op is the operation that made it, '' for a leaf; v.parents are its operands",
    "shape ndim dim size dtype device T reshape squeeze unsqueeze flatten view astype": (
        "a Value is one number; arrays are lists of Values, or NumPy arrays of them"
    ),
    "to cpu cuda": "Values are computed by Python; autograd.compile runs functions of them fast",
    "sum": "write sum(values), or autograd.dot and autograd.mean of lists",
    "mean std var norm max min argmax": "use autograd.mean, max(values), or numpy.std of a NumPy array of Values",
    "dot matmul": "use autograd.dot(xs, ys) of two lists",
    "add sub mul div pow neg abs fabs": "write u + v, u - v, u * v, u / v, u ** v, -v, abs(v)",
    "softmax log_softmax": "it takes a list: autograd.softmax(values)",
    "logsumexp log_sum_exp": "it takes a list: autograd.log_sum_exp(values)",
    "zero_": "v.zero_grad() clears the gradients of a graph; optimizers clear those of their parameters",
    "name": "it is v.label",
    "children prev _children": "the operands are v.parents",
    "_backward": "the local derivatives are v.local_derivatives; `tracegrad source tanh` shows the rule of tanh",
    "gradient derivative diff": "call y.backward() and read x.grad, or use autograd.grad(y, [x])",
    "fmod remainder": "write u % v",
    "trunc": "use v.floor(), v.ceil() or v.round()",
}

OF_VALUE = {name: text for names, text in _OF_VALUE.items() for name in names.split()}
"""What a `Value` says about each of these names."""


class Hint:
    """An attribute that is not there: who asks for it gets an AttributeError that says what to write.

    A ``__getattr__`` would do the same, and make every other attribute slower (up to Python 3.11).
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no attribute {self.name!r}: {self.text}", name=None, obj=None)

    def __repr__(self) -> str:  # what `help(Value)` shows
        return f"not here: {self.text}"
