"""The driver: a batch, block by block. Samples are read where the caller keeps them, and results are left there.

One function, ``void run(ptr job)``, serves all programs: a job says where everything is (see `Job`). Another makes
training steps with it (see `Steps`). They are compiled for a number type once, and come from the cache from then on.
"""

from __future__ import annotations

from enum import IntEnum

from .emit import Index, Module, Type, Vector
from .sums import transposed

PARTS = 4
"""What is shared, forward, reverse, finish."""


class Job(IntEnum):
    """Numbers of a job, each an i64."""

    BEGIN = 0
    """The first sample."""
    END = 1
    """The one after the last."""
    WIDTH = 2
    """Samples in a block: 1, or a multiple of the lanes."""
    ROWS = 3
    """The address of the samples' numbers, int64, in the order in which they are taken; 0 if they are taken in turn."""
    SEED = 4
    """The address of the adjoint of each sample's result."""
    SEEDS = 5
    """The address of room for it in each lane, 0 in spare ones; there follow as many weights, 1 or 0."""
    INPUTS = 6
    """The address of the inputs (`INPUT` i64 each)."""
    N_INPUTS = 7
    RESULTS = 8
    """The address of what is copied out after each block (`RESULT` i64 each)."""
    N_RESULTS = 9
    CALLS = 10
    """For each part the address of its calls (a kernel and its arguments), and their number."""
    SIZE = 10 + 2 * PARTS


class Steps(IntEnum):
    """What training steps in a row need, each an i64."""

    JOB = 0
    """The address of the job of a step, which says where its samples begin and end only while it runs."""
    SAMPLES = 1
    """How many samples there are."""
    BATCH = 2
    """Samples in a step; the last one may have fewer."""
    SUMS = 3
    """The address of the sum of the losses and of the squared norm of the gradient."""
    SHARED = 4
    """1 if all samples have the same loss, which then is the sum; 0 if not."""
    LOSSES = 5
    """The address of room for the mean loss of each step, float64."""
    UPDATE = 6
    """The address of the update (`updates.Update`), of its arguments, and of what it is told at the first step."""
    ARGUMENTS = 7
    NUMBERS = 8
    TOLD = 9
    """How many numbers it is told at each step."""
    PARAMETERS = 10
    DONE = 11
    """How many steps were made: fewer than there are if a gradient is not finite."""
    SIZE = 12


INPUT = 3
"""Of an input: address in the caller's memory, numbers per sample, address in the program's."""
RESULT = 5
"""Of a result: address in the caller's memory, numbers per sample, address in the program's, and how far the next slot
and the next sample are there."""


class _Driver:
    def __init__(self, module: Module, element: str, lanes: int, bytes_: int) -> None:
        self.module, self.element, self.lanes, self.bytes = module, element, lanes, bytes_
        self.vector, self.single = Type(element, lanes), Type(element, 1)

    def field(self, number: Index) -> Index:
        return self.module.whole_at("%job", number)

    def pointer(self, whole: Index) -> str:
        return self.module.assign(f"inttoptr i64 {whole} to ptr")

    def least(self, x: Index, y: Index) -> Index:
        less = self.module.assign(f"icmp slt i64 {x}, {y}")
        return self.module.assign(f"select i1 {less}, i64 {x}, i64 {y}")

    def sample(self, number: Index, last: Index, rows: Index) -> Index:
        """The number in the caller's arrays of a sample of the batch; for spare ones that of the last."""
        m = self.module
        number = self.least(number, last)
        listed = m.assign(f"icmp ne i64 {rows}, 0")
        place = m.assign(f"select i1 {listed}, i64 {number}, i64 0")
        somewhere = m.assign(f"select i1 {listed}, i64 {rows}, i64 {self.field_address}")
        found = m.whole_at(self.pointer(somewhere), place)
        return m.assign(f"select i1 {listed}, i64 {found}, i64 {number}")

    def run(self, wide: bool) -> None:
        m = self.module
        self.field_address = m.assign("ptrtoint ptr %job to i64")
        begin, end, width = self.field(Job.BEGIN), self.field(Job.END), self.field(Job.WIDTH)
        rows, seed = self.field(Job.ROWS), self.pointer(self.field(Job.SEED))
        seeds = self.pointer(self.field(Job.SEEDS))
        inputs, results = self.pointer(self.field(Job.INPUTS)), self.pointer(self.field(Job.RESULTS))
        n_inputs, n_results = self.field(Job.N_INPUTS), self.field(Job.N_RESULTS)
        last = m.whole((end, 1), (-1, 1))
        self.calls(0, 0, "true")

        def block(at: Index) -> None:
            count = self.least(m.whole((end, 1), (at, -1)), width)
            first = m.assign(f"icmp eq i64 {at}, {begin}")
            padded: Index = 1
            if wide:
                padded = m.assign(f"and i64 {m.whole((count, 1), (self.lanes - 1, 1))}, {-self.lanes}")
                self.weigh(seed, seeds, width, padded, count)
            m.loop(n_inputs, lambda i: self.fill(inputs, i, at, padded, last, rows, width, wide))
            self.calls(1, padded, first)
            self.calls(2, padded, first)
            m.loop(n_results, lambda i: self.copy_out(results, i, at, count, wide))

        m.loop(end, block, step=width, start=begin)
        self.calls(3, 0, "true")

    def calls(self, part: int, samples: Index, first: str) -> None:
        m = self.module
        table = self.pointer(self.field(Job.CALLS + 2 * part))

        def call(i: Index) -> None:
            kernel = self.pointer(m.whole_at(table, m.whole((i, 2))))
            arguments = self.pointer(m.whole_at(table, m.whole((i, 2), (1, 1))))
            m.append(f"call void {kernel}(ptr {arguments}, i64 {samples}, i1 {first})")

        m.loop(self.field(Job.CALLS + 2 * part + 1), call)

    def weigh(self, seed: str, seeds: str, width: Index, padded: Index, count: Index) -> None:
        m, lanes = self.module, self.lanes
        whole = Type("i64", lanes)
        numbers = "<" + ", ".join(f"i64 {lane}" for lane in range(lanes)) + ">"
        weights = m.at(seeds, self.element, (width, 1))
        share = m.load_everywhere(self.vector, seed)

        def some(s: Index) -> None:
            left = m.everywhere(whole, str(m.whole((count, 1), (s, -1))))
            mask = m.line(f"icmp slt {whole} {numbers}, {left.name}", Type("i1", lanes))
            m.store(m.where(mask, share, 0.0), m.at(seeds, self.element, (s, 1)))
            m.store(m.where(mask, share.like(1.0), 0.0), m.at(weights, self.element, (s, 1)))

        m.loop(padded, some, step=lanes)

    def fill(
        self, inputs: str, i: Index, at: Index, padded: Index, last: Index, rows: Index, width: Index, wide: bool
    ) -> None:
        m, lanes = self.module, self.lanes
        source = self.pointer(m.whole_at(inputs, m.whole((i, INPUT))))
        count = m.whole_at(inputs, m.whole((i, INPUT), (1, 1)))
        target = self.pointer(m.whole_at(inputs, m.whole((i, INPUT), (2, 1))))

        def vector(number: Index) -> str:
            start = m.assign(f"mul i64 {self.sample(number, last, rows)}, {count}")
            return m.at(source, self.element, (start, 1))

        if not wide:
            vector_ = vector(at)
            m.loop(count, lambda k: m.store(
                m.load(self.single, m.at(vector_, self.element, (k, 1))), m.at(target, self.element, (k, 1))
            ))  # fmt: skip
            return

        def some(s: Index) -> None:
            vectors = [vector(m.whole((at, 1), (s, 1), (lane, 1))) for lane in range(lanes)]

            def store(k: Index, value: Vector) -> None:
                place = m.assign(f"mul i64 {k}, {width}")
                m.store(value, m.at(target, self.element, (place, 1), (s, 1)))

            def square(k: Index) -> None:
                columns = transposed([m.load(self.vector, m.at(v, self.element, (k, 1))) for v in vectors])
                for n, column in enumerate(columns):
                    store(m.whole((k, 1), (n, 1)), column)

            def one(k: Index) -> None:
                store(k, m.joined([m.load(self.single, m.at(v, self.element, (k, 1))) for v in vectors]))

            whole = m.assign(f"and i64 {count}, {-lanes}")
            m.loop(whole, square, step=lanes)
            m.loop(count, one, start=whole)

        m.loop(padded, some, step=lanes)

    def copy_out(self, results: str, i: Index, at: Index, count: Index, wide: bool) -> None:
        m, lanes = self.module, self.lanes
        source_at, numbers, target_at, slot, sample = (
            m.whole_at(results, m.whole((i, RESULT), (n, 1))) for n in (2, 1, 0, 3, 4)
        )
        source, target = self.pointer(source_at), self.pointer(target_at)

        def place(s: Index, k: Index) -> str:
            terms = [m.assign(f"mul i64 {k}, {slot}"), m.assign(f"mul i64 {s}, {sample}")]
            return m.at(source, self.element, *[(x, 1) for x in terms])

        def row(s: Index) -> str:
            start = m.assign(f"mul i64 {m.whole((at, 1), (s, 1))}, {numbers}")
            return m.at(target, self.element, (start, 1))

        def one(s: Index, begin: Index) -> None:
            there = row(s)
            m.loop(
                numbers, lambda k: m.store(m.load(self.single, place(s, k)), m.at(there, self.element, (k, 1))),
                start=begin,
            )  # fmt: skip

        squares: Index = 0
        if wide:
            whole_samples = m.assign(f"and i64 {count}, {-lanes}")
            side_by_side = m.assign(f"icmp eq i64 {sample}, 1")
            squares = m.assign(f"select i1 {side_by_side}, i64 {whole_samples}, i64 0")
            whole = m.assign(f"and i64 {numbers}, {-lanes}")

            def some(s: Index) -> None:
                there = [row(m.whole((s, 1), (lane, 1))) for lane in range(lanes)]

                def square(k: Index) -> None:
                    columns = [m.load(self.vector, place(s, m.whole((k, 1), (n, 1)))) for n in range(lanes)]
                    for target_row, value in zip(there, transposed(columns)):
                        m.store(value, m.at(target_row, self.element, (k, 1)))

                m.loop(whole, square, step=lanes)
                m.loop(lanes, lambda lane: one(m.whole((s, 1), (lane, 1)), whole))

            m.loop(squares, some, step=lanes)
        m.loop(count, lambda s: one(s, 0), start=squares)

    def steps(self, run: str) -> None:
        """Loss, gradient and update, batch by batch, until a gradient is not finite."""
        m, element = self.module, self.element
        job, samples, batch = self.pointer(self.field(Steps.JOB)), self.field(Steps.SAMPLES), self.field(Steps.BATCH)
        seed = self.pointer(m.whole_at(job, Job.SEED))
        sums, losses = self.pointer(self.field(Steps.SUMS)), self.pointer(self.field(Steps.LOSSES))
        update, arguments = self.pointer(self.field(Steps.UPDATE)), self.pointer(self.field(Steps.ARGUMENTS))
        numbers, told = self.pointer(self.field(Steps.NUMBERS)), self.field(Steps.TOLD)
        parameters, shared = self.field(Steps.PARAMETERS), m.assign(f"icmp ne i64 {self.field(Steps.SHARED)}, 0")

        def as_double(name: str) -> str:
            return name if element == "double" else m.assign(f"fpext {element} {name} to double")

        def step(begin: Index) -> None:
            end = self.least(m.whole((begin, 1), (batch, 1)), samples)
            m.put(job, Job.BEGIN, begin)
            m.put(job, Job.END, end)
            count = m.assign(f"sitofp i64 {m.whole((end, 1), (begin, -1))} to double")
            share = m.assign(f"fdiv double 1.0, {count}")
            own = share if element == "double" else m.assign(f"fptrunc double {share} to {element}")
            m.append(f"store {element} {own}, ptr {seed}")
            m.append(f"call void @{run}(ptr {job})")
            total = as_double(m.assign(f"load {element}, ptr {sums}"))
            square = m.assign(f"load {element}, ptr {m.at(sums, element, (1, 1))}")
            finite = m.assign(f"fcmp oeq {element} {m.assign(f'fsub {element} {square}, {square}')}, 0.0")
            done = self.field(Steps.DONE)

            def move() -> None:
                terms = m.assign(f"select i1 {shared}, double 1.0, double {count}")
                mean = m.assign(f"fdiv double {total}, {terms}")
                m.append(f"store double {mean}, ptr {m.at(losses, 'double', (done, 1))}")
                told_now = m.at(numbers, element, (m.assign(f"mul i64 {done}, {told}"), 1))
                m.append(f"call void {update}(ptr {arguments}, ptr {told_now}, i64 {parameters})")
                m.put("%job", Steps.DONE, m.whole((done, 1), (1, 1)))

            m.when(finite, move)

        def unless_it_stopped(begin: Index) -> None:
            due = m.assign(f"mul i64 {self.field(Steps.DONE)}, {batch}")
            m.when(m.assign(f"icmp eq i64 {due}, {begin}"), lambda: step(begin))

        m.loop(samples, unless_it_stopped, step=batch)


def text(element: str, lanes: int, bytes_: int) -> str:
    """The module with ``run_wide``, for blocks of samples, and ``run_single``, for one sample at a time."""
    module = Module()
    driver = _Driver(module, element, lanes, bytes_)
    for name, wide in (("run_wide", True), ("run_single", False)):
        module.function(f"tracegrad_{name}", ["ptr %job"], lambda wide=wide: driver.run(wide))  # type: ignore[misc]
        module.function(f"tracegrad_steps_of_{name}", ["ptr %job"], lambda run=f"tracegrad_{name}": driver.steps(run))  # type: ignore[misc]
    return module.text()
