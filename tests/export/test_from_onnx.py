"""An ONNX file comes in with the outputs that ONNX's reference evaluator gives, its numbers widened to float64."""

import math
import warnings

import numpy as np
import pytest
from coming_in import agree, explained
from hypothesis import given
from hypothesis import strategies as st

import nn

onnx = pytest.importorskip("onnx")
DecodeError = pytest.importorskip("google.protobuf.message").DecodeError
reference = pytest.importorskip("onnx.reference")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE

RANDOM = np.random.default_rng(0)
W1, b1 = RANDOM.normal(size=(3, 4)).astype(np.float32), RANDOM.normal(size=4).astype(np.float32)
W2, b2 = RANDOM.normal(size=(4, 2)).astype(np.float32), RANDOM.normal(size=2).astype(np.float32)
CONSTANTS = {
    "W1": W1, "b1": b1, "W2": W2, "b2": b2, "W1t": W1.T.copy(), "row": b1[None], "one": np.float32(1.0),
    "c": np.array([0.7], np.float32), "v4": RANDOM.uniform(0.5, 2, 4).astype(np.float32), "m4": b1 / 3,
    "v3": RANDOM.uniform(0.5, 2, 3).astype(np.float32), "two": np.float32(2), "root2": np.float32(2**0.5),
    "half": np.float32(0.5), "lo": np.float32(-0.5), "hi": np.float32(1.5), "flat": np.array([-1, 4], np.int64),
    "matrix": W1[:, :3], "W5": np.ones((5, 2), np.float32), "no": np.array(False), "flat2": np.array([-1]),
    "axes": np.array([1]), "W1x": W2[:, :1], "cube": np.zeros((1, 3, 4), np.float32), "t": np.array([3, 4]),
}  # fmt: skip


def model(*lines, outputs=("y",), width=3, opset=20, shape=None):
    """A model of the nodes that lines such as ``"h = Gemm(x, W1, b1) alpha=2.0"`` describe; y comes last."""
    nodes = []
    for line in lines:
        made, _, call = line.partition(" = ")
        kind, _, rest = call.partition("(")
        operands, _, attributes = rest.partition(")")
        domain, _, kind = kind.rpartition("::")
        values = dict(pair.split("=") for pair in attributes.split())
        nodes.append(
            helper.make_node(kind, [o.strip() for o in operands.split(",") if o.strip() != "-"] if operands else [],
                             made.split(", "), domain=domain, **{k: eval(v) for k, v in values.items()})
        )  # fmt: skip
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(np.asarray(a), n) for n, a in CONSTANTS.items() if n in used]
    graph = helper.make_graph(
        nodes, "graph",
        [helper.make_tensor_value_info("x", FLOAT, shape or ["batch", width])],
        [helper.make_tensor_value_info(name, FLOAT, ["batch", "n"]) for name in outputs], tensors,
    )  # fmt: skip
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def widened(made):
    """The same model on float64."""
    wide = onnx.ModelProto()
    wide.CopyFrom(made)
    for i, tensor in enumerate(wide.graph.initializer):
        if tensor.data_type in (FLOAT, onnx.TensorProto.FLOAT16):
            array = numpy_helper.to_array(tensor).astype(np.float64)
            wide.graph.initializer[i].CopyFrom(numpy_helper.from_array(array, tensor.name))
    for info in (*wide.graph.input, *wide.graph.output):
        if info.type.tensor_type.elem_type == FLOAT:
            info.type.tensor_type.elem_type = DOUBLE
    for node in wide.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == FLOAT:
                attribute.i = DOUBLE
            if attribute.HasField("t") and attribute.t.data_type == FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64)))
    return wide


def comes_in(made, width=3, output=None, digits=12):
    X = np.random.default_rng(1).normal(size=(8, width)) * 2
    names = [each.name for each in made.graph.output]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = reference.ReferenceEvaluator(widened(made)).run(None, {made.graph.input[0].name: X})
    expected = found[names.index(output) if output else 0]
    network = nn.from_onnx(made, output)
    agree(network, X, expected.reshape(len(X), -1), 10.0**-digits)
    return network


LINEAR = "h = Gemm(x, W1, b1)"
CHAINS = {
    "gemm": ([LINEAR, "a = Relu(h)", "y = Gemm(a, W2, b2)"], [3, 4, 2]),
    "gemm with factors": (["h = Gemm(x, W1t, row) transB=1 alpha=0.5 beta=2.0", "y = Tanh(h)"], [3, 4]),
    "gemm without biases": (["h = Gemm(x, W1)", "y = Gemm(h, W2, c)"], [3, 4, 2]),
    "matmul": (["h = MatMul(x, W1)", "z = Add(b1, h)", "a = Sigmoid(z)",
               "g = MatMul(a, W2)", "y = Sub(g, b2)"], [3, 4, 2]),
    "softmax": ([LINEAR, "y = Softmax(h)"], [3, 4]),
    "log softmax": ([LINEAR, "y = LogSoftmax(h)"], [3, 4]),
    "scaled inputs": (["s = Sub(x, v3)", "d = Div(s, v3)", "h = MatMul(d, W1)", "y = Add(h, row)"], [3, 4]),
    "scalar input": (["s = Div(x, two)", "y = MatMul(s, W1)"], [3, 4]),
    "input activation": (["s = Tanh(x)", "y = MatMul(s, W1)"], [3, 3, 4]),
    "batch normalization": ([LINEAR, "n = BatchNormalization(h, v4, b1, m4, v4)", "a = Relu(n)",
                             "m = BatchNormalization(a, v4, b1, m4, v4) epsilon=0.01", "y = MatMul(a, W2)"], [3, 4, 2]),
    "late batch normalization": ([LINEAR, "a = Relu(h)", "m = BatchNormalization(a, v4, b1, m4, v4) epsilon=0.01",
                                  "y = MatMul(m, W2)"], [3, 4, 2]),
    "scaler": (["s = ai.onnx.ml::Scaler(x) scale=[0.5,2.0,1.0] offset=[1.0,0.0,-1.0]", "y = MatMul(s, W1)"], [3, 4]),
    "constants computed": (["T = Transpose(W1t) perm=[1,0]", "S = Mul(T, c)", "K = Cast(half) to=1",
                            "B = Add(b1, K)", "h = MatMul(x, S)", "y = Add(h, B)"], [3, 4]),
    "left as they are": (["f = Flatten(x)", "k = Cast(f) to=1", LINEAR.replace("x", "k"), "d, mask = Dropout(h)",
                          "i = Identity(d)", "y = Reshape(i, flat)"], [3, 4]),
    "one output": (["h = MatMul(x, W1)", "g = MatMul(h, W1x)", "e = Add(g, c)", "y = Reshape(e, flat2)"], [3, 4, 1]),
    "squeezed": (["h = MatMul(x, W1)", "g = MatMul(h, W1x)", "y = Squeeze(g, axes)"], [3, 4, 1]),
    "silu in parts": ([LINEAR, "s = Sigmoid(h)", "a = Mul(h, s)", "y = MatMul(a, W2)"], [3, 4, 2]),
    "gelu in parts": ([LINEAR, "q = Div(h, root2)", "e = Erf(q)", "p = Add(e, one)", "m = Mul(h, p)",
                       "a = Mul(m, half)", "y = MatMul(a, W2)"], [3, 4, 2]),
    "activations in a row": ([LINEAR, "a = Relu(h)", "b = Tanh(a)", "y = Softmax(b)"], [3, 4, 4]),
    "reversed operands": ([LINEAR, "s = Sub(one, h)", "e = Exp(s)", "d = Div(two, e)", "q = Sub(v4, d)",
                           "y = MatMul(q, W2)"], [3, 4, 2]),
    "an output within": ([LINEAR, "y = Relu(h)", "p = MatMul(y, W2)", "label = ArgMax(p) axis=1"], [3, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name):
    lines, sizes = CHAINS[name]
    network = comes_in(model(*lines), digits=6 if "gelu" in name else 12)
    assert network.sizes == sizes
    if network.layers[0].activation != "linear":
        explained(network, [0.3, -0.5, 0.8])


ENTRY_BY_ENTRY = [
    "Abs(h)", "Atan(h)", "Asinh(h)", "Ceil(h)", "Celu(h) alpha=1.5", "Cos(h)", "Elu(h)", "Elu(h) alpha=0.5", "Erf(h)",
    "Exp(h)", "Floor(h)", "Gelu(h)", 'Gelu(h) approximate="tanh"', "HardSigmoid(h)", "HardSigmoid(h) alpha=0.3",
    "HardSwish(h)", "LeakyRelu(h)", "LeakyRelu(h) alpha=0.2", "Mish(h)", "Neg(h)", "Reciprocal(h)", "Relu(h)",
    "Round(h)", "Selu(h)", "Shrink(h) lambd=0.4 bias=0.1", "Sigmoid(h)", "Sign(h)", "Sin(h)", "Sinh(h)", "Softplus(h)",
    "Softsign(h)", "Tanh(h)", "ThresholdedRelu(h) alpha=0.3", "Clip(h, lo, hi)", "Clip(h, lo)", "PRelu(h, half)",
    "Pow(h, two)", "Max(h, lo)", "Min(hi, h)", "Add(h, h)", "Cosh(h)", "Tan(h)", "Identity(h)",
]  # fmt: skip


ROUNDED = {
    "Erf(h)": math.erf,
    "Gelu(h)": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    'Gelu(h) approximate="tanh"':
        lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
}  # fmt: skip
"""Operators that the reference evaluator computes in float32, whatever it is given, and what they are exactly."""


@pytest.mark.parametrize("call", ENTRY_BY_ENTRY)
def test_every_operator_that_works_entry_by_entry(call):
    network = comes_in(model(LINEAR, f"a = {call}", "y = MatMul(a, W2)"), digits=6 if call in ROUNDED else 12)
    if exact := ROUNDED.get(call):
        X = np.linspace(-4, 4, 12).reshape(4, 3)
        h = X @ W1.astype(float) + b1
        np.testing.assert_allclose(network.predict(X), np.vectorize(exact)(h) @ W2.astype(float), rtol=0, atol=1e-12)


@pytest.mark.parametrize("call", ["Sqrt(e)", "Log(e)", "Acosh(o)", "Acos(s)", "Asin(s)", "Atanh(s)"])
def test_operators_with_a_domain(call):
    comes_in(model(LINEAR, "e = Exp(h)", "o = Add(e, one)", "s = Softsign(h)", f"y = {call}"))


def test_clip_of_old_files_and_images():
    comes_in(model("h = MatMul(x, W1)", "y = Clip(h) min=-0.5 max=0.5", opset=10))
    network = nn.from_onnx(model("f = Flatten(x)", LINEAR.replace("x", "f"), shape=["n", 1, 3, 1], outputs=["h"]))
    assert network.sizes == [3, 4]


def test_an_output_chosen_by_name():
    made = model(LINEAR, "p = MatMul(h, W2)", "q = Sub(one, p)", "y = Concat(q, p) axis=1", outputs=["y", "p"])
    comes_in(made, output="p")
    with pytest.raises(ValueError, match=r"node 3 \(Concat\) cannot come in as it stands \(output='p' takes what"):
        nn.from_onnx(made)
    with pytest.raises(ValueError, match="computes no tensor 'z'; its outputs are y, p"):
        nn.from_onnx(made, "z")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["y = Conv(x, cube)"], "node 0 (Conv) cannot come in as it stands. A chain of these can: Abs, Acos"),
        ([LINEAR, "y = Hardmax(h)"], "node 1 (Hardmax) cannot come in as it stands (output='h' takes what comes"),
        ([LINEAR, "y = custom::Relu(h)"], "node 1 (Relu) cannot come in"),
        ([LINEAR, "y = Softmax(h) axis=0"], "node 1 (Softmax) cannot come in"),
        (["h = MatMul(x, matrix)", "y = Add(h, x)"], "node 1 (Add) cannot come in: it joins two branches"),
        (["h = MatMul(x, matrix)", "g = MatMul(x, W1)", "y = Relu(g)"], "") ,
        (["h = MatMul(x, matrix)", "g = Tanh(x)", "k = Mul(g, h)", "y = Relu(k)"], "it joins two branches"),
        ([LINEAR, "a = Relu(h)", "g = MatMul(a, W2)", "k = Tanh(a)", "l = MatMul(k, W2)", "y = Add(g, l)"],
         "node 4 (MatMul) cannot come in: it reads an earlier result again"),
        (["y = MatMul(W1t, x)"], "node 0 (MatMul) cannot come in"),
        (["y = MatMul(x, cube)"], "its weights have the shape (1, 3, 4)"),
        ([LINEAR, "y = MatMul(h, W5)"], "node 1 (MatMul) reads 5 numbers, and 4 come out of what is before it"),
        ([LINEAR, "y = Add(h, matrix)"], "its constant of shape (3, 3) is not one vector"),
        ([LINEAR, "y = Pow(h, v4)"], "its constant of shape (4,) differs from entry to entry"),
        ([LINEAR, "y = Reshape(h, t)"], "it changes the shape or the kind of the numbers of a sample"),
        ([LINEAR, "y = Cast(h) to=7"], "it changes the shape or the kind"),
        (["y = Gemm(x, W1, b1) transA=1"], "or its samples are columns"),
        (["y = Gemm(x, W1, b2)"], "node 0 (Gemm) has 4 neurons, and its biases have the shape (2,)"),
        (["y = Add(W1, b1)"], "has the inputs none, where a network takes one"),
        (["h, mask = Dropout(x)", "y = Relu(mask)"], "it reads a second output of a node"),
        (["y = Relu(x)"], ""),
    ],
)  # fmt: skip
def test_the_first_node_that_cannot_come_in_is_named(lines, message):
    made = model(*lines)
    if not message:  # what is not needed does no harm; an activation alone is a network
        assert nn.from_onnx(made).sizes
        return
    made.opset_import.append(helper.make_opsetid("custom", 1))
    with pytest.raises(ValueError) as refused:
        nn.from_onnx(made)
    assert message in str(refused.value)


def test_files(tmp_path):
    made, path = model(*CHAINS["gemm"][0]), tmp_path / "m.onnx"
    onnx.save(made, path)
    X = np.eye(3)
    assert nn.from_onnx(path).predict(X).tolist() == nn.from_onnx(made).predict(X).tolist()
    whole = path.read_bytes()
    for number, content in enumerate([b"", b"garbage", whole[: len(whole) // 2], whole[:-1], whole[5:]]):
        (tmp_path / f"{number}.onnx").write_bytes(content)
        with pytest.raises(ValueError, match=rf"{number}.onnx is no sound ONNX model: \w"):
            nn.from_onnx(tmp_path / f"{number}.onnx")
    with pytest.raises(FileNotFoundError):
        nn.from_onnx(tmp_path / "none.onnx")
    newer = model(*CHAINS["gemm"][0])
    newer.ir_version = 10**6
    with pytest.raises(ValueError, match="this model is no sound ONNX model: "):
        nn.from_onnx(newer)


def test_the_onnx_files_of_scikit_learn():
    skl2onnx = pytest.importorskip("skl2onnx", reason="could not import skl2onnx")
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = RANDOM.normal(size=(30, 3))
    for estimator, y in (
        (MLPClassifier(hidden_layer_sizes=(4,), max_iter=3, random_state=0), (X[:, 0] > 0) + (X[:, 1] > 0) * 1),
        (make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0)), X[:, 0]),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X, y)
            classifies = hasattr(estimator, "classes_")
            made = skl2onnx.to_onnx(estimator, X[:1], options={"zipmap": False} if classifies else None)
        expected = estimator.predict_proba(X) if classifies else estimator.predict(X)
        np.testing.assert_allclose(nn.from_onnx(made).predict(X), expected, rtol=1e-12, atol=1e-12)


@given(
    st.sampled_from([*CHAINS]), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_damaged_files_are_refused_with_a_sentence(name, edits):
    content = bytearray(model(*CHAINS[name][0]).SerializeToString())
    for place, byte in edits:
        content[place % len(content)] = byte
    damaged = onnx.ModelProto()
    try:
        damaged.ParseFromString(bytes(content))
        nn.from_onnx(damaged)
    except (DecodeError, ValueError, TypeError) as error:
        assert str(error)


def test_the_onnx_files_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4), torch.nn.GELU(), torch.nn.Linear(4, 4),
        torch.nn.SiLU(), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3), torch.nn.LogSoftmax(1),
    ).double()  # fmt: skip
    module(torch.randn(32, 1, 2, 3, dtype=torch.float64))
    module.eval()
    X = torch.randn(5, 1, 2, 3, dtype=torch.float64)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # this way of writing ONNX is the older one of two
        torch.onnx.export(module, X[:1], tmp_path / "m.onnx", dynamo=False)
        expected = module(X).numpy()
    for network in (nn.from_onnx(tmp_path / "m.onnx"), nn.from_torch(module)):
        assert network.sizes[0] == 6
        np.testing.assert_allclose(network.predict(X.numpy().reshape(5, -1)), expected, rtol=0, atol=1e-12)
