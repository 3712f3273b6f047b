"""The graph of the boxes of a folded graph: it must have no cycle, and it may have to be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..text import number

if TYPE_CHECKING:
    from ..value import Value


def without_cycles(order: list[Value], names: list[str], of: list[int]) -> tuple[list[str], list[int]]:
    """Groups that depend on each other (a network that uses a layer again) are merged, with what lies between."""
    box, after = _quotient(order, of)
    component = _components(after)
    members: dict[int, list[int]] = {}
    for k, b in enumerate(box):
        members.setdefault(component[b], []).append(k)
    merged_names: list[str] = []
    merged = [-1] * len(order)
    for nodes in members.values():
        if len(nodes) == 1:
            continue
        titles = sorted({names[of[k]] for k in nodes if of[k] >= 0})
        for k in nodes:
            merged[k] = len(merged_names)
        merged_names.append(" + ".join(titles))
    return merged_names, merged


def _quotient(order: list[Value], of: list[int]) -> tuple[list[int], list[list[int]]]:
    """The box of each node, and for each box those that use it."""
    groups: dict[int, int] = {}
    box = []
    count = 0
    for group in of:
        if group < 0 or group not in groups:
            if group >= 0:
                groups[group] = count
            box.append(count)
            count += 1
        else:
            box.append(groups[group])
    index = dict(zip(order, box))
    after: list[list[int]] = [[] for _ in range(count)]
    for node, b in zip(order, box):
        for parent in node.parents:
            if index[parent] != b:
                after[index[parent]].append(b)
    return box, after


def _components(after: list[list[int]]) -> list[int]:
    """The strongly connected component of each box (Tarjan 1972, with a stack of its own)."""
    count = len(after)
    number, low, component = [0] * count, [0] * count, [-1] * count
    open_boxes: list[int] = []
    counter = found = 0
    for start in range(count):
        if number[start]:
            continue
        work = [(start, 0)]
        while work:
            b, step = work.pop()
            if step == 0:
                counter += 1
                number[b] = low[b] = counter
                open_boxes.append(b)
            else:
                low[b] = min(low[b], low[after[b][step - 1]])
            for s in range(step, len(after[b])):
                c = after[b][s]
                if not number[c]:
                    work += [(b, s + 1), (c, 0)]
                    break
                if component[c] < 0:
                    low[b] = min(low[b], number[c])
            else:
                if low[b] == number[b]:
                    while component[b] < 0:
                        component[open_boxes.pop()] = found
                    found += 1
    return component


def nearest(order: list[Value], names: list[str], of: list[int], max_nodes: int) -> tuple[list[str], list[int], int]:
    """Keep the boxes nearest to the root by longest path, and put all others into one: nothing kept feeds it."""
    box, after = _quotient(order, of)
    waiting = [len(users) for users in after]
    before: list[list[int]] = [[] for _ in after]
    for b, users in enumerate(after):
        for user in users:
            before[user].append(b)
    kept: list[int] = []
    ready = [b for b, users in enumerate(after) if not users][::-1]
    while ready and len(kept) + 1 < max_nodes:
        later: list[int] = []
        kept += ready
        for b in ready:
            for c in before[b]:
                waiting[c] -= 1
                if not waiting[c]:
                    later.append(c)
        ready = sorted(later, reverse=True)
    shown = set(kept[: max(max_nodes - 1, 1)])
    used = sorted({of[k] for k, b in enumerate(box) if b in shown and of[k] >= 0})
    renamed = {group: j for j, group in enumerate(used)}
    hidden = sum(b not in shown for b in box)
    new_names = [*(names[group] for group in used), f"… {number(hidden)} more nodes"]
    new_of = [renamed.get(of[k], -1) if b in shown else len(used) for k, b in enumerate(box)]
    return new_names, new_of, hidden
