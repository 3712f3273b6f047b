"""Programs to start from, by title; the first is shown when the playground opens."""

EXAMPLES = {
    "A neuron": """\
from autograd import tanh

w = slider("w", 0.5)
x = slider("x", 2.0)
b = slider("b", -0.3)

tanh(w * x + b)  # the last line is shown: step through it with the arrow keys
""",
    "Why this gradient": """\
import autograd
from autograd import Value

w1, w2, x, y = Value(0.4, "w1"), Value(-1.5, "w2"), Value(2.0, "x"), Value(1.0, "y")
h = (w1 * x).tanh()
h.label = "h"
loss = (h * w2 + h - y) ** 2
loss.backward()

show(autograd.ledger(loss, w1))      # along which paths it flows
show(autograd.derivation(loss, w1))  # as a lecturer would write it
show(autograd.gradcheck(lambda a, b: ((a * 2).tanh() * (b + 1) - 1) ** 2, [0.4, -1.5]))
""",
    "Forward beside reverse": """\
import autograd
from autograd import Value, dual_numbers

with dual_numbers() as dual:
    y = dual(3.0) ** 2 + dual(3.0).sin()
print(y)

w, x = Value(0.5, "w"), Value(2.0, "x")
for frame in autograd.steps((w * x).tanh() * w, along=w):
    print(frame)
""",
    "Did I derive it right?": """\
import autograd
from autograd import Value

w, x = Value(2.0, "w"), Value(0.5, "x")
loss = (w * x).tanh() ** 2
loss.backward()
print("the gradient is", w.grad)

autograd.diagnose(loss, w, 0.7616)  # a student's answer: which mistake gives it?
""",
    "XOR": """\
import nn

X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
optimizer = nn.Adam(model.parameters(), lr=0.1)
for epoch in range(101):
    losses = [nn.binary_cross_entropy(model(x), target) for x, target in zip(X, y)]
    loss = sum(losses) / len(losses)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch:3}   loss {loss.data:.4f}")
for x, target in zip(X, y):
    print(x, "is", target, " logit", round(model(x).data, 2))
""",
    "Moons": """\
import nn

X, y, *_ = nn.datasets.moons(100, noise=0.1)
model = nn.MLP(2, [8, 1], "tanh", seed=1)
optimizer = nn.Adam(model.parameters(), lr=0.1)
history = nn.fit(
    model, nn.binary_cross_entropy, X, y, optimizer,
    epochs=40, batch_size=10, metrics=["accuracy"],
)
show(history)

# the plane as the network sees it: # is the lower moon
for row in range(14):
    x2 = 1.4 - 0.17 * row
    points = [[-1.5 + 0.08 * k, x2] for k in range(51)]
    logits = model.predict(points)
    print("".join("#" if z > 0 else "." for z in logits))
""",
    "Iris": """\
import nn

iris = nn.datasets.iris()
X_train, y_train, X_test, y_test = nn.datasets.split(
    iris.X, iris.y, 0.2, stratify=True
)
scale = nn.datasets.Standardizer(X_train)
model = nn.MLP(4, [6, 3], "tanh", seed=1)
optimizer = nn.Adam(model.parameters(), lr=0.1)
history = nn.fit(
    model, nn.cross_entropy, scale(X_train), y_train, optimizer,
    epochs=15, batch_size=20, metrics=["accuracy"],
    validation=(scale(X_test), y_test),
)
show(history)

outputs = model.predict(scale(X_test))
table = nn.metrics.confusion_matrix(outputs, y_test)
print("10 flowers of each species, and what they were taken for:")
for name, row in zip(iris.class_names, table):
    print(f"{name:10}", *(f"{n:3}" for n in row))
show(nn.draw_network(model))
""",
}
