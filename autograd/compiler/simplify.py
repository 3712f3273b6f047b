"""Simplify: chains of + and − become sums of any length, and sums of products become dots.

``w1*x1 + w2*x2 + … + b`` arrives as a chain of n products and n additions. Here it becomes one sum of two terms, a dot
of two vectors of n nodes and b. Vectors are what `pack` looks for: dots that share one are a matrix product.

All of it is done on flat arrays, without a Python loop over the scalar nodes that vanish.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .trace import LEAVES, Ints, Scalars, require

_SUMS = ("add", "sub", "neg", "sum")


@dataclass
class Node:
    """What is left of the scalar graph: an operation on nodes.

    ``op`` is a table operation or ``"sum"``, with ``args`` its operands (``signs`` those of a sum's terms), or
    ``"dot"``, whose args are two vectors of K nodes, one after the other. ``scalars`` counts the traced nodes that it
    stands for.
    """

    op: str
    args: Ints
    signs: tuple[int, ...] = ()
    scalars: int = 1


@dataclass
class Reduced:
    """The simplified graph: nodes by id, operands before users. Ids of `Scalars` keep their meaning."""

    scalars: Scalars
    nodes: dict[int, Node]
    batched: dict[int, bool]
    uses: Ints  # how often each id is used

    def check(self) -> None:
        """Refuse a form that uses a node before it is made, or twice makes it, or mixes up vectors."""
        leaf, last = self.scalars.n_inputs + self.scalars.n_parameters, len(self.uses)
        turn = np.full(last, last, np.int64)  # when a node is made
        turn[: len(self.scalars.op)][np.isin(self.scalars.op, LEAVES)] = -1
        for i, node in self.nodes.items():
            require(i >= leaf, "a leaf is computed")
            require(node.op != "dot" or len(node.args) % 2 == 0, "a dot's vectors differ in length")
            require(node.op != "sum" or len(node.signs) == len(node.args), "a sum's terms and signs differ in number")
        made = np.fromiter(self.nodes, np.int64, len(self.nodes))
        turn[made] = np.arange(len(made))
        if self.nodes:
            args = np.concatenate([node.args for node in self.nodes.values()])
            user = np.repeat(np.arange(len(made)), [len(node.args) for node in self.nodes.values()])
            late = np.flatnonzero(turn[args] >= user)
            op = self.nodes[int(made[user[late[0]]])].op if late.size else ""
            require(not late.size, f"{op} uses a node before it is made")
        require((turn[self.scalars.roots] < last).all(), "a root is never computed")


def simplify(scalars: Scalars) -> Reduced:
    """Flatten sums and recognize dots.

    A sum takes in another one that nothing else uses and that varies with the samples as it does itself (a sum of
    parameters alone stays one, and runs once per batch). Its products that nothing else uses are grouped by what they
    multiply (parameters, constants, an input argument, or nodes of one operation and level); a group of two or more is
    a dot.
    """
    s = scalars
    count = len(s.op)
    codes = {name: code for code, name in enumerate(dict.fromkeys(s.op))}
    code = np.fromiter(map(codes.__getitem__, s.op), np.int64, count)
    child = np.repeat(np.arange(count), np.diff(s.start))
    position = np.arange(len(child)) - s.start[child]
    parent = s.parents
    uses = np.bincount(parent, minlength=count)
    np.add.at(uses, s.roots, 2)  # a root is never taken apart

    summing = np.isin(code, [codes[name] for name in _SUMS if name in codes])
    consumer = np.zeros(count, np.int64)
    consumer[parent] = child
    inner = summing & (uses == 1) & summing[consumer] & (s.batched == s.batched[consumer])
    negative = ((code[child] == codes.get("sub", -1)) & (position == 1)) | (code[child] == codes.get("neg", -1))
    edge_sign = np.where(negative, -1, 1)
    owner = np.where(inner, consumer, np.arange(count))
    sign = np.ones(count, np.int64)
    taken = inner[parent]
    sign[parent[taken]] = edge_sign[taken]
    while True:  # pointer jumping: each round doubles the length of the chains that are followed
        further = owner[owner]
        if np.array_equal(further, owner):
            break
        sign = sign * np.where(owner != np.arange(count), sign[owner], 1)
        owner = further

    term = np.flatnonzero(summing[child] & ~inner[parent])
    of, arg = owner[child[term]], parent[term]
    with_sign = edge_sign[term] * sign[child[term]]

    product = (code == codes.get("mul", -1)) & (uses == 1)
    paired = product[arg] & (s.batched[arg] == s.batched[of])
    first = np.where(paired, parent[np.minimum(s.start[arg], len(parent) - 1)], 0)
    second = np.where(paired, parent[np.minimum(s.start[arg] + 1, len(parent) - 1)], 0)
    kind = _kinds(s, code, len(codes))
    a_kind, b_kind = np.where(paired, kind[first], -1), np.where(paired, kind[second], -1)
    sort_by = np.where(kind[first] == 0, first, second)  # weights in their own order, if there are weights
    order = np.lexsort((np.where(paired, sort_by, np.arange(len(term))), b_kind, a_kind, with_sign, of))
    of, arg, with_sign, paired = of[order], arg[order], with_sign[order], paired[order]
    first, second, a_kind, b_kind = first[order], second[order], a_kind[order], b_kind[order]

    boundary = np.ones(len(of), bool)
    same = (of[1:] == of[:-1]) & (with_sign[1:] == with_sign[:-1]) & (a_kind[1:] == a_kind[:-1])
    boundary[1:] = ~(same & (b_kind[1:] == b_kind[:-1]) & paired[1:] & paired[:-1])
    starts = np.flatnonzero(boundary)
    lengths = np.diff(np.append(starts, len(of)))

    sums: dict[int, tuple[list[int], list[int]]] = {}
    dots: dict[int, list[tuple[int, Node]]] = {}
    new = count
    in_dot = np.zeros(count, bool)
    inner_count = np.bincount(owner, minlength=count)  # itself and the sums it took in
    for begin, length, i, one, sgn in zip(
        starts.tolist(), lengths.tolist(), of[starts].tolist(), arg[starts].tolist(), with_sign[starts].tolist()
    ):
        terms, signs = sums.setdefault(i, ([], []))
        if length > 1:
            piece = slice(begin, begin + length)
            in_dot[arg[piece]] = True
            dots.setdefault(i, []).append((new, Node("dot", np.concatenate([first[piece], second[piece]]), (), length)))
            one = new
            new += 1
        terms.append(one)
        signs.append(sgn)

    nodes: dict[int, Node] = {}
    batched: dict[int, bool] = {}
    leaf_codes = [codes[name] for name in LEAVES if name in codes]
    for i in np.flatnonzero(~np.isin(code, leaf_codes) & ~inner & ~in_dot).tolist():
        batched[i] = bool(s.batched[i])
        if i not in sums:
            nodes[i] = Node(s.op[i], parent[s.start[i] : s.start[i + 1]])
            continue
        terms, signs = sums[i]
        own = dots.get(i, [])
        alone = all(j >= count or s.data[j] == 0 for j in terms)  # a dot begins at +0.0, and no other zero matters
        if len(own) == 1 and alone and signs[terms.index(own[0][0])] == 1:
            nodes[i] = Node("dot", own[0][1].args, (), own[0][1].scalars + int(inner_count[i]))
            continue
        for j, node in own:
            nodes[j], batched[j] = node, batched[i]
            node.scalars += len(node.args) // 2 - 1  # the additions between its products
        nodes[i] = _tidy(s, terms, signs, int(inner_count[i]) - sum(len(node.args) // 2 - 1 for _, node in own))

    total = np.zeros(new, np.int64)
    for node in nodes.values():
        np.add.at(total, node.args, 1)
    np.add.at(total, s.roots, 2)
    reduced = Reduced(s, nodes, batched, total)
    reduced.check()
    return reduced


def _kinds(s: Scalars, code: Ints, codes: int) -> Ints:
    """A number per node that two nodes share if they may be in the same vector."""
    kind = 3 + max(s.arguments, default=0) + (s.level * codes + code) * 2 + s.batched
    kind[code == (s.op and _code_of(s, "constant", code))] = 1
    kind[: s.n_inputs] = 2 + np.array(s.arguments, np.int64)
    kind[s.n_inputs : s.n_inputs + s.n_parameters] = 0
    return kind


def _code_of(s: Scalars, name: str, code: Ints) -> int:
    return int(code[s.op.index(name)]) if name in s.op else -1


def _tidy(s: Scalars, terms: list[int], signs: list[int], scalars: int) -> Node:
    """A sum without the exact zeros that change nothing, its positive terms first.

    Adding −0.0 changes nothing. Adding +0.0 makes +0.0 of −0.0, whose reciprocal has another sign; so one +0.0 stays
    unless another term keeps the sum from being −0.0: a dot, which starts at +0.0, or a number that is not zero.
    """
    pairs = list(zip(signs, terms))
    numbers = [sgn * s.data[i] if i < len(s.op) else math.nan for sgn, i in pairs]  # nan for what is not a constant
    kept = [pair for pair, number in zip(pairs, numbers) if number != 0]
    plus = [pair for pair, number in zip(pairs, numbers) if number == 0 and not np.signbit(number)]
    settled = any(sgn > 0 if i >= len(s.op) else s.op[i] == "constant" for sgn, i in kept)
    kept += [] if settled else plus[:1]
    kept.sort(key=lambda pair: -pair[0])
    return Node("sum", np.array([i for _, i in kept], np.int64), tuple(sgn for sgn, _ in kept), max(scalars, 1))
