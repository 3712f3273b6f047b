"""Graded derivations: right lines are accepted, planted mistakes are found and named, nobody is accused."""

import json
import random

import pytest
from counts import EVERY
from derivations import (
    AS_WELL,
    EQUAL,
    GRAPHS,
    LINES,
    eligible,
    lecture_a,
    lecture_c,
    lecture_e,
    scalar_network,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, check_derivation


@pytest.mark.parametrize("lecture", LINES)
def test_every_line_of_the_lectures_is_accepted(lecture):
    make, names = GRAPHS[lecture]
    graded = check_derivation("\n".join(LINES[lecture]), make(), names)
    assert len(graded.lines) == len(LINES[lecture])
    assert all(line.verdict in ("true", "definition") for line in graded.lines), str(graded)


def test_planted_mistakes_are_found_and_named_at_their_line():
    planted_in = [case for case in eligible() if case[2] not in EQUAL]
    found = named = 0
    for lecture, place, wrong, name in planted_in:
        make, names = GRAPHS[lecture]
        definitions = [line for line in LINES[lecture][:place] if line.startswith(("δ", "B"))]
        graded = check_derivation("\n".join([*definitions, wrong]), make(), names)
        first = graded.first_false
        if first is not None:
            assert first.line == len(graded.lines), f"another line is accused: {graded}"
            found += 1
            named += first.misconception in {name, *AS_WELL.get(name, ())}
    assert len(planted_in) >= 140
    assert found == len(planted_in), "recall"
    assert named == len(planted_in), "recall of the name"


@pytest.mark.parametrize("line", sorted(EQUAL))
def test_what_looks_wrong_and_is_true_is_accepted(line):
    assert check_derivation(line, scalar_network())


def test_the_slips_of_the_slides_are_rejected_by_name():
    gate = check_derivation("∂L/∂hᵃ = ∂L/∂hˢ ⊙ 1[oᵃ > 0]", lecture_a(), "lecture A").first_false
    assert gate.misconception == "wrong quantity" and "hᵃ belongs in the place of oᵃ" in gate.note
    output = check_derivation("f = SoftMax(z^{(2)})", lecture_e(), "lecture E").first_false
    assert output.misconception == "wrong layer" and "z⁽³⁾ belongs in the place of z⁽²⁾" in output.note
    y, p = Value(1.0, "y"), Value(0.25, "p")
    assert check_derivation("L = relu(y − p)", nn.hinge_loss(p, y)).first_false
    assert check_derivation("L = relu(1 − y p)", nn.hinge_loss(p, y))
    # lecture C: δ = ∂e/∂a is what the first slides say, δ = ∂e/∂z what the last ones do; each is taken as defined
    for define, use in (("∂e/∂a²", "∂e/∂W² = Diag(φ'(z²)) δ a¹ᵀ"), ("∂e/∂z²", "∂e/∂W² = δ a¹ᵀ")):
        assert check_derivation(f"δ = {define}\n{use}", lecture_c(), "lecture C")
    mixed = check_derivation("δ = ∂e/∂a²\n∂e/∂W² = δ a¹ᵀ", lecture_c(), "lecture C").first_false
    assert mixed.misconception == "dropped activation derivative" and mixed.line == 2


def test_only_the_first_of_lines_that_follow_from_each_other_is_blamed():
    graded = check_derivation(
        """∂e/∂w²₁₁ = ∂e/∂ŷ · φ'(z³₁) · w³₁₁ · a¹₁
                    = 2(ŷ − y) · φ'(z³₁) · w³₁₁ · a¹₁
           ∂e/∂w³₁₁ = ∂e/∂ŷ φ'(z³₁) a²₁""",
        lecture_c(), "lecture C",
    )  # fmt: skip
    assert [line.verdict for line in graded.lines] == ["false", "follows", "true"]
    assert graded.first_false.misconception == "dropped activation derivative"
    assert "φ′(z²₁) is missing" in graded.first_false.note


def test_a_missing_activation_is_named_with_its_layer():
    judged = check_derivation("∂L/∂b_I = W_O (ŷ − y)", GRAPHS["D"][0](), "lecture D").first_false
    assert judged.misconception == "dropped activation derivative" and judged.note == "φ′(z_I) is missing"


def test_a_missing_transpose_is_no_falsehood():
    for line, told in (("∂L/∂W² = hˢ (oˢ − y)ᵀ", "the right side is to be transposed"),
                       ("∂L/∂hˢ = W² ∂L/∂oᵃ", "a factor is to be transposed"),
                       ("∂L/∂W¹ = ∂L/∂hᵃ x", "a factor is to be transposed")):  # fmt: skip
        graded = check_derivation(line, lecture_a(), "lecture A")
        assert [judged.verdict for judged in graded.lines] == ["transpose"] and told in graded.lines[0].note
        assert not graded and graded.first_false is None


def test_calculus_without_a_network_names_the_rules():
    x = Value(1.3, "x")
    root = x.sin() * x**2
    root.label = "f"
    assert check_derivation("df/dx = cos(x) x² + 2 x sin(x)", root)
    assert check_derivation(r"\frac{d f}{d x} = \cos(x) x^2 + 2 x \sin(x)", root)
    assert check_derivation("df/dx = cos(x) · 2 x", root).first_false.misconception == "product of slopes"
    inner = (x**2).sin()
    inner.label = "f"
    assert check_derivation("df/dx = cos(x²)", inner).first_false.misconception == "inner derivative forgotten"


@pytest.mark.parametrize(
    "line",
    ["∂L/∂Q = 3", "foo(3) = bar", "∂L/∂W² = __import__('os')", "∂L/∂W² = " + "(" * 60 + "1" + ")" * 60, "∂L/∂oᵃ =",
     "∂L/∂oᵃ = oˢ −", "∂L/∂oᵃ = o^{s", r"∂L/∂oᵃ = \frac{1}", "∂L/∂oᵃ = " + "1 + " * 700 + "1", "= oˢ", "∂L/∂oᵃ = oˢ_k",
     "∂L/∂oᵃ = lambda: 0", "∂L/∂oᵃ = x.y", "∂L/∂oᵃ = Σ oˢ", "∂L/∂oᵃ = softmax(3)", "∂hˢ/∂W¹ = x", "∂L/∂oᵃ = 1[oᵃ]"],
)  # fmt: skip
def test_what_cannot_be_read_is_not_called_wrong(line):
    graded = check_derivation(line, lecture_a(), "lecture A")
    assert [judged.verdict for judged in graded.lines] == ["not read"], str(graded)
    assert graded.first_false is None and not graded and graded.lines[0].note


def random_network(seed):
    draws = random.Random(seed)
    sizes = [draws.randint(1, 3) for _ in range(draws.randint(2, 4))]
    output = draws.choice(["linear", "sigmoid", "softmax"])
    if output == "softmax":
        sizes[-1] = max(2, sizes[-1])
    activation = draws.choice(["tanh", "sigmoid", "relu", "softplus"])
    model = nn.MLP(sizes[0], sizes[1:], activation, output, bias=draws.random() < 0.5)
    for parameter in model.parameters():
        parameter.data = draws.gauss(0, 0.7)
    return draws, model, nn.trace(model, [draws.gauss(0, 1) for _ in range(sizes[0])])


def scalar_derivation(seed):
    """What `derivation` prints for a random weight of a random network."""
    draws, model, out = random_network(seed)
    if isinstance(out, list) and out[0].op == "softmax":
        root = nn.log_loss(out, draws.randrange(len(out)))
    else:
        root = nn.mse_loss(out, [draws.gauss(0, 1) for _ in out] if isinstance(out, list) else draws.gauss(0, 1))
    root.label = "L"
    leaf = draws.choice([p for p in model.parameters() if p in {*autograd.graph.leaves(root)}])
    return str(autograd.derivation(root, leaf)), root, None


def matrix_derivation(seed):
    """The recursion of a random network in lecture C's letters."""
    draws = random.Random(seed)
    sizes = [draws.randint(2, 4) for _ in range(draws.randint(3, 5))]
    activation = draws.choice(["tanh", "sigmoid", "relu", "softplus"])
    model = nn.MLP(sizes[0], sizes[1:], activation, activation, seed=seed)
    for parameter in model.parameters():
        parameter.data = draws.gauss(0, 0.7)
    out = nn.trace(model, [draws.gauss(0, 1) for _ in range(sizes[0])])
    root = sum(((p - Value(draws.gauss(0, 1), f"y{i}")) ** 2 for i, p in enumerate(out, 1)), 0.0)
    last = len(sizes) - 1
    lines = ["∂e/∂ŷ = 2(ŷ − y)", f"∂e/∂z^{last} = 2 φ'(z^{last}) ⊙ (ŷ − y)"]
    for l in range(last, 0, -1):  # noqa: E741
        a = f"a^{{{l - 1}T}}" if l > 1 else "xᵀ"
        lines += [f"∂e/∂W^{l} = ∂e/∂z^{l} {a}", f"∂e/∂b^{l} = ∂e/∂z^{l}"]
        if l > 1:
            lines += [f"∂e/∂a^{l - 1} = W^{{{l}T}} ∂e/∂z^{l}",
                      f"∂e/∂z^{l - 1} = φ'(z^{l - 1}) ⊙ (W^{{{l}T}} ∂e/∂z^{l})",
                      f"∂e/∂z^{l - 1} = Diag(φ'(z^{l - 1})) W^{{{l}T}} ∂e/∂z^{l}"]  # fmt: skip
    return "\n".join(lines), root, "lecture C"


def accepted(made):
    text, root, names = made
    graded = check_derivation(text, root, names)
    assert len(graded.lines) >= 3
    assert all(line.verdict in ("true", "definition") for line in graded.lines), str(graded)


@pytest.mark.parametrize("seed", range(24))
def test_generated_derivations_are_accepted(seed):
    accepted(scalar_derivation(seed))
    accepted(matrix_derivation(seed))


@pytest.mark.slow
def test_many_generated_derivations_are_accepted():
    for seed in range(0, 1000, EVERY):
        accepted(scalar_derivation(seed))
    for seed in range(0, 300, EVERY):
        accepted(matrix_derivation(seed))


def test_a_grade_is_an_answer():
    graded = check_derivation("∂L/∂oᵃ = y − oˢ\n∂L/∂b² = ∂L/∂oᵃ", lecture_a(), "lecture A")
    told = json.loads(json.dumps(graded.to_dict()))
    assert told["first_false"] == 1 and told["lines"][0]["misconception"] == "sign" and told["right"] is False
    assert str(graded).startswith("The first false line is line 1: a sign is turned.")
    assert "<table" in graded.html() and not check_derivation("", lecture_a()).lines
    assert "There is no equation" in str(check_derivation("# only a note", lecture_a()))
    with pytest.raises(TypeError, match="reads text, not int"):
        check_derivation(3, lecture_a())
    with pytest.raises(TypeError, match="only a Value has derivatives"):
        check_derivation("a = b", 3.0)
    with pytest.raises(ValueError, match="has 501 lines; 400 are read"):
        check_derivation("\n" * 500, lecture_a())


def test_y_is_what_the_loss_shows_or_what_is_given():
    out = nn.trace(nn.MLP(2, [3], "tanh", "softmax", seed=1), [0.5, 1.0])
    root = nn.log_loss(out, [0.2, 0.3, 0.5])
    assert check_derivation("∂L/∂z = ŷ − y", root, y=[0.2, 0.3, 0.5])
    assert check_derivation("∂L/∂z = ŷ − y", root)
    assert not check_derivation("∂L/∂z = ŷ − y", root, y=0)


SIGNS = st.text("∂LWohayŷδσφ'ΣᵀᵃˢˣᵢⱼT¹²₁₂0123()[]{}^_=+-−·⊙/<>\\ frac1d,.", max_size=40)
ROOT = lecture_a()


@settings(max_examples=60)
@example("\\")  # with a blank it is a blank of LaTeX, and the line begins with an equals sign
@given(SIGNS)
def test_no_text_makes_it_stumble(text):
    for line in (text, f"∂L/∂oᵃ = {text}", f"{text} = oˢ − y"):
        for judged in check_derivation(line, ROOT, "lecture A").lines:
            assert judged.verdict in ("true", "transpose", "false", "follows", "definition", "not read")


def test_more_than_nine_classes_stay_in_order():
    out = nn.trace(nn.MLP(2, [12], "tanh", "softmax", seed=1), [0.5, 1.0])
    assert check_derivation("∂L/∂z = ŷ − y\n∂L/∂z = ŷ − onehot(y)", nn.log_loss(out, 10), y=10)


def test_numbers_are_compared_with_those_of_the_graph():
    root = lecture_c()
    slope = autograd.grad(root, [node for node in autograd.graph.topological(root) if node.op == "sigmoid"][-1:])[0]

    def verdict(number):
        return check_derivation(f"∂e/∂ŷ = {number}", root, "lecture C").lines[0]

    assert verdict(f"{slope:.4f}").verdict == verdict(f"2 · ({slope / 2:.3f})").verdict == "true"
    assert verdict(f"{1.1 * slope:.4f}").verdict == "not read", "rounding on the way may have done that"
    wrong = verdict(f"{-2 * slope:.4f}")
    assert wrong.verdict == "false" and f"{slope:.6g}" in wrong.note


def test_a_law_of_a_function_holds_for_every_number():
    assert check_derivation("φ'(z) = φ(z)(1 − φ(z))", lecture_c(), "lecture C")
    false = check_derivation("φ'(z) = 1 − φ(z)^2", lecture_c(), "lecture C")
    assert false.first_false is not None
    assert check_derivation("z = ∂e/∂ŷ\nφ'(z) = φ(z)(1 − φ(z))", lecture_c(), "lecture C").lines[1].verdict == "true"


def test_factors_in_another_order_and_lines_without_an_equation():
    turned = check_derivation("∂L/∂W² = hˢ ∂L/∂oᵃᵀ", lecture_a(), "lecture A")
    assert [line.verdict for line in turned.lines] == ["transpose"]
    order = check_derivation("∂L/∂hˢ = ∂L/∂oᵃ W²", lecture_a(), "lecture A")
    assert [line.verdict for line in order.lines] == ["transpose"] and "other order" in order.lines[0].note
    alone = check_derivation("∂L/∂W²", lecture_a(), "lecture A")
    assert alone.lines[0].note == "there is no equation on this line"
