"""Names that readers bring along from other libraries (NumPy, PyTorch, JAX, HIPS autograd, micrograd)."""

from __future__ import annotations

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
    "jacrev jacfwd make_jacobian": "use autograd.jacobian",
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
