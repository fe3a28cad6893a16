"""The tables of the page results/small_networks.md: every small network by itself, from the rows of results/."""

from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.catalogue import PUBLISHED
from experiments.statistics import Share, median, percent, place, quartiles_text
from experiments.tables import Seeds, markdown
from repro import printed_networks as published
from repro.measures.encoder import codes
from repro.measures.symmetry import symmetry_claims
from repro.networks import Network
from repro.tasks.symmetry import symmetry

PAGE = "small_networks.md"

SIGNATURE = ("smallest", "ratio_middle", "ratio_largest", "hidden_bias", "hidden_to_output", "output_bias")
"""The columns of a symmetry network that tell its weights apart from those of other desired outputs."""

NETWORKS = (
    "experiment",
    "what",
    "learned here, 95 % interval",
    "within",
    "sweeps: median (quartiles) of all",
    "of those that learned",
    "sweeps, paper",
    "learned by then: of all",
    "of those that learned",
)


def networks_table(results: Path) -> str:
    """How many learned, how fast, and where the paper's run falls."""
    return markdown(NETWORKS, networks_rows(results))


def networks_rows(results: Path) -> list[list[str]]:
    """A row an experiment that has results; the family trees have their own table."""
    rows = []
    for name in with_results(results):
        seeds = Seeds.read(results, name)
        config = seeds.config
        if config.task.name == "family_trees":
            continue
        paper, limit, sweeps = config.paper.sweeps, config.learning.sweeps, seeds.sweeps
        censored = sweeps + [limit + 1] * (len(seeds.rows) - len(sweeps))
        by_then = (percent(place(censored, paper)), percent(place(sweeps, paper))) if paper and sweeps else ("", "")
        took = quartiles_text(censored, limit), quartiles_text(sweeps)
        fell = (f"{paper:,}" if paper else "", *by_then)
        rows.append([f"`{name}`", config.summary, str(seeds.share()), f"{limit:,}", *took, *fell])
    return rows


def symmetry_table(results: Path) -> str:
    """Claims S1 to S7 about the symmetry network, the printed weights' own values beside ours."""
    seeds, without = Seeds.read(results, "symmetry"), Seeds.read(results, "symmetry_no_hidden")
    solved = seeds.solved
    printed = published.SYMMETRY
    theirs = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
    other = solved.where(lambda row: row["S4"] == "0")

    def middle(of: Seeds, column: str) -> str:
        return f"{seeds_median(of, column):.2f}"

    sizes = f"1 : {middle(solved, 'ratio_middle')} : {middle(solved, 'ratio_largest')}"
    rest = f"; the others 1 : {middle(other, 'ratio_middle')} : {middle(other, 'ratio_largest')}" if other.rows else ""
    rows = [
        ["S1", "no solution without hidden units", "", f"solved: {without.share()}", ""],
        ["S2", "two hidden units suffice", "", f"solved: {seeds.share()}", ""],
        [
            "S3",
            "weights symmetric about the middle: same size, opposite sign",
            f"off by {float(theirs.antisymmetry):.4f} of the largest",
            str(solved.share("S3")),
            f"median {seeds_median(solved, 'antisymmetry'):.4f}",
        ],
        [
            "S4",
            "sizes on a side stand 1 : 2 : 4",
            f"1 : {float(theirs.ratio_middle):.2f} : {float(theirs.ratio_largest):.2f}",
            str(solved.share("S4")),
            f"median {sizes}{rest}",
        ],
        [
            "S5",
            "biases: both hidden units off and output on for a symmetric vector",
            _held(theirs.S5),
            str(solved.share("S5")),
            "",
        ],
        [
            "S6",
            "the two hidden units: same weights, opposite signs",
            f"off by {float(theirs.opposite_units):.4f} of the largest",
            str(solved.share("S6")),
            f"median {seeds_median(solved, 'opposite_units'):.4f}",
        ],
        [
            "S7",
            "every other vector turns one hidden unit on and the output off",
            _held(theirs.S7),
            str(solved.share("S7")),
            "",
        ],
    ]
    return markdown(["claim", "N p.534, Fig. 1", "the printed weights", "here, 95 % interval", "here, measured"], rows)


def targets_table(results: Path) -> str:
    """Which desired outputs the printed symmetry weights come from: their sizes beside ours for 0/1 and 0.1/0.9."""
    rows = []
    for printed in (published.SYMMETRY, published.SYMMETRY_PDP):
        claims = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
        numbers = [float(getattr(claims, column)) for column in SIGNATURE]
        rows.append([f"printed, {printed.source}", *_sizes(numbers[:3]), *(f"{n:.1f}" for n in numbers[3:])])
    for name in ("symmetry", "symmetry_soft_targets"):
        seeds = Seeds.read(results, name)
        like_printed = seeds.solved.where(lambda row: row["S4"] == "1")
        numbers = [seeds_median(like_printed, column) for column in SIGNATURE]
        task, within = seeds.config.task, seeds.config.criterion.tolerance
        label = f"`{name}`: desired {task.target_off:g} and {task.target_on:g}, within {within:g}"
        rows.append([label, *_sizes(numbers[:3]), *(f"{n:.1f}" for n in numbers[3:])])
    header = ["weights", "input to hidden, one side", "hidden bias", "hidden to output", "output bias"]
    return markdown(header, rows)


def _sizes(numbers: Sequence[float]) -> list[str]:
    smallest, middle, largest = numbers
    return [f"{smallest:.1f}, {smallest * middle:.1f}, {smallest * largest:.1f}"]


def xor_table(results: Path) -> str:
    """How many XOR networks stay unsolved, and where those are."""
    rows = []
    for name in ("xor", "xor_2_2_1", "xor_2_2_1_fast"):
        seeds = Seeds.read(results, name)
        stuck = seeds.where(lambda row: row["solved"] == "0").rows
        as_printed = sum(row.get("stuck_as_printed") == "1" for row in stuck)
        undecided = sum(row["undecided"] == "1" for row in stuck)
        minimum = f"{as_printed:,}" if "stuck_as_printed" in seeds.rows[0] else "-"
        rest = len(stuck) - as_printed - undecided
        about = [f"`{name}`", f"{seeds.config.learning.epsilon:g}", str(Share(len(stuck), len(seeds.rows)))]
        rows.append([*about, minimum, f"{undecided:,}", f"{rest:,}"])
    header = ["experiment", "epsilon", "not solved, 95 % interval", "of those: outputs as in P Fig. 5"]
    return markdown([*header, "all outputs half way", "others"], rows)


def escape(results: Path) -> str:
    """Whether a larger epsilon escapes the printed minimum: from the same first weights, and from within it."""
    slow, fast = Seeds.read(results, "xor_2_2_1"), Seeds.read(results, "xor_2_2_1_fast")
    stuck = {row["seed"] for row in slow.rows if row["stuck_as_printed"] == "1"}
    same = fast.where(lambda row: row["seed"] in stuck)
    left = [
        f"`{name}` {seeds.share().k} of {len(seeds.rows):,}"
        for name in ("xor_from_minimum", "xor_from_minimum_fast", "xor_from_minimum_per_case")
        for seeds in [Seeds.read(results, name)]
    ]
    return (
        f"P p.333 says that ε of 0.5 or more escapes the minimum. From the same first weights as the {len(stuck)} "
        f"networks that end there at {slow.config.learning.epsilon:g}, {same.share()} learn at "
        f"{fast.config.learning.epsilon:g}. Started at the printed weights, moved by less than their rounding, these "
        f"learn: {', '.join(left)}."
    )


def counting_table(results: Path) -> str:
    """Whether parity networks count the inputs as printed, and where those are that have not learned."""
    rows = []
    for name in ("parity", "parity_per_case"):
        seeds = Seeds.read(results, name)
        solved, stuck = seeds.solved, seeds.where(lambda row: row["solved"] == "0").rows
        undecided = sum(row["undecided"] == "1" for row in stuck)
        one_wrong = sum(row["right"] == "15" and row["undecided"] == "0" for row in stuck)
        claims = [str(solved.share(column)) for column in ("as_printed", "counts", "by_count")]
        where = [f"{number:,}" for number in (one_wrong, undecided, len(stuck) - one_wrong - undecided)]
        rows.append([f"`{name}`", str(seeds.share()), *claims, *where])
    header = ["experiment", "learned, 95 % interval", "of those: as many on as inputs are off (P Table 3)"]
    header += ["count up or down, each unit either way round", "on by the number of inputs alone"]
    return markdown([*header, "not learned: 15 of 16 right", "all outputs half way", "others"], rows)


def encoder_table(results: Path) -> str:
    """How encoders use intermediate values, beside the printed codes."""
    theirs = codes(torch.tensor(published.ENCODER_CODES).unsqueeze(2))
    values, corners = int(theirs.intermediate), int(theirs.corners)
    rows = [["printed, P Table 5", "", "", f"{values}", f"{corners}", "", "", ""]]
    for name in ("encoder", "encoder_slow"):
        seeds = Seeds.read(results, name)
        solved = seeds.solved.rows
        used = [[int(row[column]) for row in solved] for column in ("intermediate", "corners")]
        alike = sum(pair == (values, corners) for pair in zip(*used, strict=True))
        counts = (sum(number > 0 for number in used[0]), alike, used[1].count(8))
        about = [f"`{name}`", f"{seeds.config.learning.epsilon:g}", str(seeds.share())]
        shares = [str(Share(count, len(solved))) for count in counts]
        rows.append([*about, *(quartiles_text(column) for column in used), *shares])
    header = ["experiment", "epsilon", "learned, 95 % interval", "of those: 0.5 among the 24 hidden outputs"]
    header += ["corners among the 8 codes", "use 0.5 at all", "0.5 and corners as often as printed"]
    return markdown([*header, "the 8 corners"], rows)


def parts(results: Path) -> dict[str, str]:
    """The generated parts of the page, by the name of their markers."""
    return {
        "networks": networks_table(results),
        "symmetry": symmetry_table(results),
        "targets": targets_table(results),
        "xor": f"{xor_table(results)}\n\n{escape(results)}",
        "parity": counting_table(results),
        "encoder": encoder_table(results),
    }


def with_results(results: Path) -> list[str]:
    """The experiments that have results, in the order in which they are published."""
    return [name for name in PUBLISHED if (results / f"{name}.csv").exists()]


def seeds_median(seeds: Seeds, column: str) -> float:
    """The median of a column."""
    return median([float(row[column]) for row in seeds.rows])


def _held(claim: object) -> str:
    return "holds" if bool(claim) else "does not hold"
