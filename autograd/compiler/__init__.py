"""The compiler: scalars in, matrices out.

A function of `Value`s is written for one sample, scalar by scalar, and runs over batches of arrays. Nothing tells the
compiler about layers or matrices: it finds them in the graph. The pipeline, with the network of two moons as example
(2 inputs, two hidden layers of 16 neurons, hinge loss, a penalty on the squares of the parameters):

>>> import nn
>>> from autograd import dot
>>> from autograd.compiler import compile
>>> model = nn.MLP(2, [16, 16, 1], seed=1)
>>> theta = model.parameters()
>>> def loss(x, y):
...     return nn.hinge_loss(model(x), y) + 1e-4 * dot(theta, theta)

1. *Trace* (`trace.trace`) runs the function once on placeholders, and reads what it built into flat arrays, parents
   first. Constants are folded, and equal subexpressions become one node. A comparison of placeholders is a node that
   ``where`` takes; an ``if`` on it, ``float()`` or ``.data`` of an input is a `TraceError` that names the line.

   >>> from autograd.compiler.trace import trace
   >>> scalars, _, _ = trace(loss, shapes=[(2,), ()], names=["x", "y"], parameters=theta)
   >>> scalars.traced, len(scalars.op), scalars.op.count("mul"), scalars.op.count("relu")
   (988, 1326, 643, 33)

2. *Simplify* (`simplify.simplify`) flattens chains of + and − into sums of any length and recognizes sums of products
   as dots of two vectors. A sum of parameters alone stays apart, for it runs once per batch.

   >>> from collections import Counter
   >>> from autograd.compiler.simplify import simplify
   >>> reduced = simplify(scalars)
   >>> sorted(Counter(node.op for node in reduced.nodes.values()).items())
   [('dot', 34), ('mul', 2), ('relu', 33), ('sum', 35)]

3. *Pack* (`pack.pack`) makes one array instruction of the nodes that have one operation and level, and matrix products
   of the dots that share a vector. Numbers get slots, in an order that makes vectors and matrices of them: wherever
   an instruction reads slots that no strides describe, a copy is put before it.

   >>> from autograd.compiler.pack import pack
   >>> packed = pack(reduced)
   >>> [f"{step.op}{step.shape}" for step in packed.instructions][:6]
   ['dot(1, 16, 1)', 'dot(1, 1, 1)', 'sum(16,)', 'mul(1,)', 'relu(16,)', 'dot(1, 16, 1)']

   This is what ``print(program)`` writes as equations:

   >>> program = compile(loss, inputs=[(2,), ()], parameters=theta, backend="numpy")
   >>> print(program)
   inputs x[2], y; 337 parameters; 988 scalar nodes became 14 instructions (numpy, float64)
     t1 = 0.0001 · (θ[337] · θ[337])                      339 scalars, once per batch
     h1[16] = relu(W1[16×2] @ x[2] + b1[16])              80 scalars
     h2[16] = relu(W2[16×16] @ h1[16] + b2[16])           528 scalars
     loss = relu(1 − y · (W3[1×16] @ h2[16] + b3)) + t1   36 scalars

4. *Lower* (`lower.Lowering`) reads the formulas of the operation table and makes rows of a small vector machine from
   them, for the values and for the reverse pass. Operations that a user registered are lowered in the same way.

   >>> from autograd.compiler.lower import Lowering
   >>> lowered = Lowering(packed).lower()
   >>> [row.kind.name for row in lowered.forward[1]][:5]
   ['contract', 'add_to', 'relu', 'contract', 'add_to']

5. *Run*. `machine` lays the numbers out in one flat array. NumPy runs the rows one by one, with BLAS for the matrix
   products (`numpy_backend`): that is the reference, and always there. With llvmlite, `llvm.backend` makes machine code
   of them: rows that walk through the same loops become one kernel, a kernel is written once for its shape however
   often it is used, and a program is a table of calls. Blocks of samples stay in the nearest cache from their inputs to
   what they add to the gradient. What was compiled is kept on disk.

   >>> import numpy as np
   >>> X, y = np.array([[0.5, 0.2], [-0.3, 1.0]]), np.array([1.0, -1.0])
   >>> value, gradient = program.value_and_grad(X, y)
   >>> gradient.shape
   (337,)

Every pass checks the form that it made and refuses a broken one with `FormError`. `Program.lens` turns back: it gives
the ordinary graph of one sample, every number of which was compared with the machine's.

   >>> root = program.lens(0)
   >>> bool(abs(root.data - program(X, y)[0]) < 1e-15)
   True

`Program.hessian`, `Program.hvp` and `Program.jacobian` compile one more program at their first call (`second`): the
gradient is built as a graph by the engine's own reverse pass, weighted, and goes through the same passes.

The eager engine's rule that a product with an exact zero carries nothing holds here too. Arithmetic that tests every
factor would be slow, and is needed only where an infinity or a nan is about: so the reverse pass runs plainly, and if
its gradient holds one, once more with the test, by NumPy.

Sums have an order that the program and the number of samples decide alone. Machine code gives the same bits in every
run and on every CPU that can multiply and add in one instruction; but for powers and other functions that come from the
C library, and sines of large arguments. NumPy's BLAS promises nothing of the kind.

**The contract.** Whatever `compile`, and `fit`, `predict` and `evaluate` of `nn`, return equals what the user's
function returns when it is run eagerly on Values; where that cannot be guaranteed, there is an error, or one clear
warning and the eager engine. A trace sees one run of the function, on placeholders. What it cannot see:

- *A number that decides something.* Placeholders, parameters and all that is computed from them refuse to be looked
  at while the function is traced (`autograd.placeholder`): `.data`, `.grad`, ``float``, ``int``, a format, a copy, a
  pickle, a look-up in a dict or set, and the truth value of a comparison (so ``if``, ``in``, ``list.index``, ``max``)
  are a `TraceError` that names the line. Comparisons, ``==`` and ``!=`` too, are nodes that `where` takes.
- *Derivatives as numbers.* ``backward`` and `grad` without ``create_graph`` are refused; with it, derivatives inside
  the function are part of the program, and "an exact zero carries nothing" is decided when it runs (`chain` in the
  table).
- *Randomness and state.* A function of fewer than 20,000 scalar nodes is traced twice: another graph, or random
  numbers that are drawn from `random` or ``numpy.random``, is an error. The first call, and the first gradient, are
  compared with the eager engine (`witness`) on up to 16 samples (one of each label, those with the largest and
  smallest entries); a function that is larger on one sample.
- *What changes later*: attributes, closures, activations, weights of the loss. `nn.fit` compares one more sample now
  and then, in at most 5 % of the time, and after callbacks. If a callback made the difference, ``engine="auto"``
  warns and goes on eagerly from there; any other difference is an error, for it is not known which steps it spoiled.

Still invisible are: a rare branch, or a rare draw from a generator of one's own, that none of these samples meets;
what changes after the first call of a program that one calls oneself (`Program.lens` notices it; compile again);
``isinstance`` and ``is`` on inputs, where no sample shows that they decide; and side effects, such as a counter or a
print: they happen when the function is traced and compared, not when the program runs.

Sums are taken in another order than in the eager engine, so that results agree to rounding: to 1e-12 of the terms that
are summed; the sign of a zero that several products sum up to is not settled.
"""

from .api import compile as compile
from .lens import LensError as LensError
from .program import Program as Program
from .trace import FormError as FormError
