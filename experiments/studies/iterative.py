"""Iterative nets (N Fig. 5; P p.354-360), measured.

unrolled.csv: random iterative nets against their layered equivalents, and without the history of N's first proviso.
iterative.csv: nets that learn. Sequential structures are P's shift register (p.357) and P's completion of sequences
(p.358-360); the iterative search settles from a damaged pattern to the stored pattern nearest to it. In each, the
derivatives of corresponding weights are added (P p.355) or averaged (N p.535).
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

if __name__ == "__main__":
    sys.exit("experiments.studies.iterative: run it by python -m experiments.reproduce iterative")

import torch
from rich.progress import track
from torch import Tensor

from experiments.files import number
from experiments.tables import write_rows
from repro import networks
from repro.choices import MeasuredFrom, Satisfied
from repro.errors import AS_PRINTED, ErrorMeasure
from repro.iterative import (
    Combine,
    Course,
    IterativeNet,
    Lesson,
    backward_pass,
    combined,
    derivatives,
    error_slopes,
    forward_pass,
)
from repro.iterative_training import train
from repro.learning import Phase
from repro.machine_code import build
from repro.networks import Network
from repro.population import NEVER
from repro.tasks.task import binary_vectors
from repro.training_setup import Criterion

UNROLLED, FILE = "unrolled.csv", "iterative.csv"

UNITS, STEPS, NETS = range(2, 9), range(1, 11), 20
"""The random nets of ``UNROLLED``: so many of each number of units and of steps."""

PAYS_FROM = 2e10
"""Products in a training from which on it is compiled: some ten seconds' worth as it is written."""

ALPHA, INITIAL_RANGE = 0.9, 0.3
"""P p.330 and p.359; P p.359 and N Fig. 1."""

START = 0.2
"""Of the units that no pattern sets, before the first step (P p.359)."""

# The same net, layered --------------------------------------------------------------------------------------


def unrolled(first_seed: int = 0, nets: int = NETS) -> Iterator[dict[str, object]]:
    """How far random iterative nets are from their layered equivalents, and from themselves without their history."""
    plans = [
        (units, steps, seed) for units in UNITS for steps in STEPS for seed in range(first_seed, first_seed + nets)
    ]
    for units, steps, seed in track(plans, "iterative and layered"):
        generator = torch.Generator().manual_seed(seed + 1000 * (steps + 100 * units))
        net, w, (last, every) = random_net(units, steps, generator)
        y, average = derivatives(net, w, last)
        without = [y[-1]] * len(y)  # only the last outputs are there for (5) and (6)
        forgetful = combined(backward_pass(net, w, last, without, error_slopes(last, y)), "average")
        layered_y, by_formulas, by_autograd = layered(net, w, last, every)
        _, average_of_every = derivatives(net, w, every)
        off = max(relative(average, by_formulas / steps), relative(average_of_every, by_autograd / steps))
        yield {
            "units": units,
            "steps": steps,
            "seed": seed,
            "y_off": number(max(float((a - b).abs().max()) for a, b in zip(y, layered_y, strict=True))),
            "dE_dw_off": number(off),
            "dE_dw_off_without_history": number(relative(forgetful, by_formulas / steps)),
        }


def random_net(
    units: int, steps: int, generator: torch.Generator
) -> tuple[IterativeNet, Tensor, tuple[Course, Course]]:
    """About half of all links, weights uniform in ±2, 5 cases; desired outputs at the last step, and at every step."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    links = uniform(units, units + 1) < 0.5
    links[0, 1] = True  # at least this one
    held = torch.zeros(steps + 1, units, dtype=torch.bool)
    held[0] = True
    given, desired, last = uniform(steps + 1, 5, units), uniform(steps + 1, 5, units), torch.zeros_like(held)
    last[-1] = True
    courses = (Course(given, held, desired, last), Course(given, held, desired, ~held))
    return IterativeNet(links), 4 * uniform(units, units + 1, 1) - 2, courses


def layered(net: IterativeNet, w: Tensor, last: Course, every: Course) -> tuple[list[Tensor], Tensor, Tensor]:
    """Of the layered equivalent: outputs of each layer, and the shared weights' ∂E/∂w, shaped like w.

    The first for errors at the top, as the formulas have it; the second for errors at each layer, by torch.autograd.
    """
    architecture, weights = net.layered_equivalent(last.steps), net.layered_weights(w)
    inputs = {"step 0": last.given[0]}
    _, by_formulas = networks.derivatives(architecture, weights, inputs, last.desired[-1].unsqueeze(2))
    network = Network(architecture, weights)
    activity = network.activity(inputs)
    y = [activity[group] for group in architecture.groups]
    E = torch.stack([networks.error(y[step], every.desired[step]) for step in every.compared]).sum()
    by_autograd = torch.autograd.grad(E, [network.weights[key] for key in weights])
    top, each = torch.cat([by_formulas[key] for key in weights], dim=1), torch.cat(by_autograd, dim=1)
    return [values.detach() for values in y], net.existing(top), net.existing(each)


def relative(found: Tensor, right: Tensor) -> float:
    """The largest difference, over the largest right value."""
    return float((found - right).abs().max() / right.abs().max())


# What is learned --------------------------------------------------------------------------------------------

LETTERS = {"A": "12", "B": "23", "C": "31", "D": "21", "E": "13"}
"""What each letter makes the output units do: one on, then another (P Table 10)."""

UNSEEN = ("AD", "BE", "CA", "DB", "EC")
"""The sequences that are not learned (P Table 11)."""

TRAINING = tuple(a + b for a in LETTERS for b in LETTERS if a + b not in UNSEEN)
HIDDEN = 30
BEYOND = ErrorMeasure(satisfied=Satisfied.unit, measured_from=MeasuredFrom.bound)
"""No error beyond 0.8 and 0.2, and the rest measured from there (P p.359)."""


def sequence_net() -> IterativeNet:
    """5 inputs to 30 hidden units to 3 outputs; hidden and output units each all among themselves (P p.358)."""
    first_output = len(LETTERS) + HIDDEN
    links = torch.zeros(first_output + 3, first_output + 3 + 1, dtype=torch.bool)
    links[len(LETTERS) : first_output, :first_output] = True
    links[first_output:, len(LETTERS) : -1] = True
    links[len(LETTERS) :, -1] = True
    return IterativeNet(links)


def sequences(names: tuple[str, ...], off_at_2: bool) -> Course:
    """P's times 1 to 6 are steps 0 to 5. off_at_2: whether the outputs are to be off at time 2."""
    inputs, outputs = slice(0, len(LETTERS)), slice(len(LETTERS) + HIDDEN, None)
    units = len(LETTERS) + HIDDEN + 3
    given, desired = torch.full((6, len(names), units), START), torch.zeros(6, len(names), units)
    held, wanted = (torch.zeros(6, units, dtype=torch.bool) for _ in range(2))
    held[0], held[:, inputs] = True, True
    wanted[1 if off_at_2 else 2 :, outputs] = True
    given[:, :, inputs] = 0
    for case, name in enumerate(names):
        for step, letter in enumerate(name):
            given[step, case, list(LETTERS).index(letter)] = 1
        for step, digit in enumerate("".join(LETTERS[letter] for letter in name), 2):
            desired[step, case, outputs.start - 1 + int(digit)] = 1
    return Course(given, held, desired, wanted)


def shift(units: int) -> Course:
    """Every pattern, to be shifted two places to the left in two steps, around the circle (P p.357)."""
    pattern = binary_vectors(units).float()
    given = torch.stack([pattern] * 3)
    desired = 0.1 + 0.8 * torch.stack([pattern.roll(-step, 1) for step in range(3)])
    held, wanted = (torch.zeros(3, units, dtype=torch.bool) for _ in range(2))
    held[0], wanted[2] = True, True
    return Course(given, held, desired, wanted)


STORED = ("00000000", "11111000", "00011111", "11100111")
"""Any two differ in 5 bits or 6: with one or two of its bits changed each is still the nearest."""

SEARCHERS = 4
SEARCH_STEPS = 4


def damaged(bits: int) -> list[tuple[str, str]]:
    """Every stored pattern with so many bits changed, in all ways, and the pattern itself."""
    flip = {"0": "1", "1": "0"}
    return [
        ("".join(flip[bit] if place in places else bit for place, bit in enumerate(stored)), stored)
        for stored in STORED
        for places in combinations(range(len(stored)), bits)
    ]


LEARNED = damaged(0) + damaged(1)


def search(cases: list[tuple[str, str]], steps: int = SEARCH_STEPS) -> Course:
    """The visible units start as the damaged pattern; at the last two steps they are to be the stored one."""
    visible, units = len(STORED[0]), len(STORED[0]) + SEARCHERS
    given, desired = torch.full((steps + 1, len(cases), units), START), torch.zeros(steps + 1, len(cases), units)
    given[0, :, :visible] = torch.tensor([[float(bit) for bit in start] for start, _ in cases])
    desired[:, :, :visible] = torch.tensor([[float(bit) for bit in stored] for _, stored in cases])
    held, wanted = (torch.zeros(steps + 1, units, dtype=torch.bool) for _ in range(2))
    held[0], wanted[-2:, :visible] = True, True
    return Course(given, held, desired, wanted)


# Measures ---------------------------------------------------------------------------------------------------

Measures = dict[str, Tensor]
"""Columns, ``[replicas]`` each."""


def right(net: IterativeNet, w: Tensor, course: Course) -> Tensor:
    """How many cases have every wanted output on the right side of 0.5, ``[replicas]``."""
    pairs = course.pairs(forward_pass(net, w, course))
    return torch.stack([((y > 0.5) == (d > 0.5)).all(dim=1) for _, y, d in pairs]).all(dim=0).sum(dim=0)


def of_sequences(net: IterativeNet, w: Tensor) -> Measures:
    """The sequences not seen, and the largest output at time 2, where P Table 11 has 0.16."""
    unseen = sequences(UNSEEN, off_at_2=False)
    before = forward_pass(net, w, unseen)[1][:, -3:].amax(dim=(0, 1))
    return {"unseen_right": right(net, w, unseen), "y_at_2": before}


def of_shifting(net: IterativeNet, w: Tensor) -> Measures:
    """Whether the one step between is the pattern shifted by one, or its complement; and the other weights.

    Those are the largest of all but the ones from a unit's neighbour, over the smallest of these; P p.357 has them 0.
    """
    course = shift(net.units)
    on, shifted = forward_pass(net, w, course)[1] > 0.5, course.desired[1].unsqueeze(2) > 0.5
    sizes, neighbour = w[:, :-1].abs(), torch.eye(net.units, dtype=torch.bool).roll(1, 1)
    return {
        "one_step": (on == shifted).all(dim=0).all(dim=0).int(),
        "complement": (on != shifted).all(dim=0).all(dim=0).int(),
        "other_weights": sizes[~neighbour].amax(dim=0) / sizes[neighbour].amin(dim=0),
    }


def of_search(net: IterativeNet, w: Tensor) -> Measures:
    """The learned cases after 2 and 10 times as many steps, and patterns with two bits changed after as many."""
    longer = {f"right_{n}T": right(net, w, search(LEARNED, n * SEARCH_STEPS)) for n in (2, 10)}
    return {"unseen_right": right(net, w, search(damaged(2))), **longer}


COLUMNS = ("unseen_right", "y_at_2", "one_step", "complement", "other_weights", "right_2T", "right_10T")
"""All measures; empty where a task has no such thing."""

# Learning ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One task under one reading of it. ways: how derivatives are combined, and epsilon."""

    task: str
    reading: str
    net: IterativeNet
    course: Course
    ways: tuple[tuple[Combine, float], ...]
    sweeps: int
    criterion: Criterion
    measures: Callable[[IterativeNet, Tensor], Measures]
    error_measure: ErrorMeasure = AS_PRINTED
    highest: Tensor | None = None


def each_way(epsilon: float, copies: int) -> tuple[tuple[Combine, float], ...]:
    """Sum and average at one epsilon, and the average at the epsilon at which it is the sum once more."""
    return ("sum", epsilon), ("average", epsilon), ("average", epsilon * copies)


def problems() -> Iterator[Problem]:
    """All of them. What the papers print is in the comments; the rest is assumed."""
    for units in (3, 5):
        for self_links in (False, True):  # "any other unit" feeds a unit: perhaps not itself
            links = torch.ones(units, units + 1, dtype=torch.bool)
            links[:, :-1].fill_diagonal_(self_links)
            for ceiling in (0.0, -1.0, torch.inf):  # negative, clearly negative, and free as in P's footnote 10
                highest = torch.full(links.shape, torch.inf)
                highest[:, -1] = ceiling
                ways = each_way(0.25, 2)  # P p.357, with less than 200 sweeps
                first = not self_links and ceiling == 0
                biases = "free" if ceiling == torch.inf else f"at most {ceiling:g}"
                yield Problem(
                    f"shift_{units}",
                    f"biases {biases}{', self-links' if self_links else ''}",
                    IterativeNet(links),
                    shift(units),
                    ways if first else ways[:1],
                    2_000,
                    Criterion(0.1),
                    of_shifting,
                    highest=highest,
                )
    net, ways = sequence_net(), each_way(0.02, 5)  # P p.359, with 260 sweeps
    through, learned = Criterion(0.5, stop=False), Criterion(0.5)
    for reading, off_at_2, some, sweeps, criterion in (
        ("off at time 2", True, ways, 260, through),
        ("free at time 2", False, ways[:1], 260, through),
        ("off at time 2, longer", True, ways[:1], 1_000, through),
        ("off at time 2, until learned", True, ways[:2], 2_000, learned),
    ):
        course = sequences(TRAINING, off_at_2)
        yield Problem("sequence", reading, net, course, some, sweeps, criterion, of_sequences, error_measure=BEYOND)
    units = len(STORED[0]) + SEARCHERS
    net = IterativeNet(torch.ones(units, units + 1, dtype=torch.bool))
    ways = each_way(0.1, SEARCH_STEPS)  # N Fig. 1
    yield Problem("search", "", net, search(LEARNED), ways, 2_000, Criterion(0.2), of_search)


def pays(problem: Problem, nets: int) -> bool:
    """Whether to compile so many nets of a problem, where this machine can."""
    products = 3 * problem.net.links.numel() * problem.course.steps * problem.course.given.shape[1]
    return nets * problem.sweeps * products >= PAYS_FROM and not build.compiler_lacking()


def rows(seeds: range) -> Iterator[dict[str, object]]:
    """A row a net.

    as_sum: of one with derivatives averaged, whether it learned at the sweep at which it did with derivatives added at
    epsilon_of_sum, or like that one not at all; empty where there is none.
    """
    runs = [(problem, combine, epsilon) for problem in problems() for combine, epsilon in problem.ways]
    added: dict[tuple[str, str, float], Tensor] = {}
    for problem, combine, epsilon in track(runs, "learning"):
        net, copies = problem.net, problem.course.steps
        lesson = Lesson(net, problem.course, problem.criterion, combine, problem.error_measure, problem.highest)
        start = net.start(seeds, INITIAL_RANGE)
        trained = train(lesson, start, Phase(epsilon, ALPHA), problem.sweeps, compile=pays(problem, len(seeds)))
        epsilon_of_sum = epsilon / copies if combine == "average" else epsilon
        same = (problem.task, problem.reading, round(epsilon_of_sum, 9))
        if combine == "sum":
            added[same] = trained.learned_at
        found = {"right": right(net, trained.w, problem.course), **problem.measures(net, trained.w)}
        for r, seed in enumerate(seeds):
            learned_at = int(trained.learned_at[r])
            yield {
                "task": problem.task,
                "reading": problem.reading,
                "combine": combine,
                "epsilon": number(epsilon),
                "epsilon_of_sum": number(epsilon_of_sum),
                "as_sum": int(learned_at == added[same][r]) if combine == "average" and same in added else "",
                "within": problem.sweeps,
                "seed": seed,
                "solved": int(learned_at != NEVER),
                "sweeps": "" if learned_at == NEVER else learned_at,
                "E": number(float(trained.E[r])),
                "cases": problem.course.given.shape[1],
                **{c: number(float(found[c][r])) if c in found else "" for c in ("right", *COLUMNS)},
            }


def write(results: Path, seeds: range) -> None:
    """Measure, with a net a seed for each problem, and write the tables."""
    write_rows(results / UNROLLED, unrolled(seeds.start))
    write_rows(results / FILE, rows(seeds))
