"""The tables of the page results/small_networks.md: every small network by itself, from the rows of results/."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from experiments.catalogue import PRECISION
from experiments.claims.results import learned, seeds, small_networks, table, with_results
from experiments.options.load import load
from experiments.pages.markdown import markdown
from experiments.statistics import median, proportion, share
from experiments.tables import percent, quartiles_text, share_brief, share_text
from repro import printed_networks
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
    for name in small_networks(results):
        config, networks = load(name), seeds(results, name)
        paper, limit, sweeps = config.paper.sweeps, config.learning.sweeps, learned(networks)["sweeps"]
        by_then = ["", ""]
        if paper and len(sweeps):
            by_then = [percent(share(of <= paper).value) for of in (networks["sweeps"], sweeps)]
        took = quartiles_text(networks["sweeps"].fillna(limit + 1), limit), quartiles_text(sweeps)
        fell = [f"{paper:,}" if paper else "", *by_then]
        rows.append([f"`{name}`", config.summary, learned_text(networks), f"{limit:,}", *took, *fell])
    return rows


def precision_table(results: Path) -> str:
    """What float32 has to do with it: the same networks in float64, and those that are stuck, run on in both."""
    rows = []
    for row in table(results / PRECISION).to_dict("records"):
        learned_in = f"{row['learned']:,} and {row['learned_float64']:,} of {row['seeds']:,}"
        medians = f"{row['median']:,.0f} and {row['median_float64']:,.0f}"
        run_on = f"{row['run_on_float32']:,} and {row['run_on_float64']:,} of {row['stuck']:,}"
        other = [f"{row[column]:,}" for column in ("learned_in_one_only", "saturated", "still")]
        rows.append([f"`{row['experiment']}`", learned_in, medians, *other, run_on])
    header = ["in float32 and in float64", "learned", "median sweeps", "learned in one only"]
    return markdown([*header, "stuck, a wrong output without a slope", "stuck, no slope at all", "stuck, run on"], rows)


def print_networks(results: Path) -> None:
    """Paper against ours in a terminal: the shares, and the sweeps of those that learned."""
    table = Table("", "learned here, 95 %", "sweeps here: median (quartiles)", "paper", title="Networks that learned")
    for name in with_results(results):
        networks, paper = seeds(results, name), load(name).paper.sweeps
        took = quartiles_text(learned(networks)["sweeps"])
        table.add_row(name, share_brief(share(networks["solved"])), took, f"{paper:,}" if paper else "")
    Console().print(table)


def symmetry_table(results: Path) -> str:
    """Claims S1 to S7 about the symmetry network, the printed weights' own values beside ours."""
    everyone, without = seeds(results, "symmetry"), seeds(results, "symmetry_no_hidden")
    solved = learned(everyone)
    printed = printed_networks.SYMMETRY
    theirs = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
    other = solved[solved["S4"] == 0]

    def middle(of: pd.DataFrame, column: str) -> str:
        return f"{median(of[column]).value:.2f}"

    sizes = f"1 : {middle(solved, 'ratio_middle')} : {middle(solved, 'ratio_largest')}"
    rest = f"; the others 1 : {middle(other, 'ratio_middle')} : {middle(other, 'ratio_largest')}" if len(other) else ""
    rows = [
        ["S1", "no solution without hidden units", "", f"solved: {learned_text(without)}", ""],
        ["S2", "two hidden units suffice", "", f"solved: {learned_text(everyone)}", ""],
        [
            "S3",
            "weights symmetric about the middle: same size, opposite sign",
            f"off by {float(theirs.antisymmetry):.4f} of the largest",
            share_text(share(solved["S3"])),
            f"median {median(solved['antisymmetry']).value:.4f}",
        ],
        [
            "S4",
            "sizes on a side stand 1 : 2 : 4",
            f"1 : {float(theirs.ratio_middle):.2f} : {float(theirs.ratio_largest):.2f}",
            share_text(share(solved["S4"])),
            f"median {sizes}{rest}",
        ],
        [
            "S5",
            "biases: both hidden units off and output on for a symmetric vector",
            _held(theirs.S5),
            share_text(share(solved["S5"])),
            "",
        ],
        [
            "S6",
            "the two hidden units: same weights, opposite signs",
            f"off by {float(theirs.opposite_units):.4f} of the largest",
            share_text(share(solved["S6"])),
            f"median {median(solved['opposite_units']).value:.4f}",
        ],
        [
            "S7",
            "every other vector turns one hidden unit on and the output off",
            _held(theirs.S7),
            share_text(share(solved["S7"])),
            "",
        ],
    ]
    return markdown(["claim", "N p.534, Fig. 1", "the printed weights", "here, 95 % interval", "here, measured"], rows)


def targets_table(results: Path) -> str:
    """Which desired outputs the printed symmetry weights come from: their sizes beside ours for 0/1 and 0.1/0.9."""
    rows = []
    for printed in (printed_networks.SYMMETRY, printed_networks.SYMMETRY_PDP):
        claims = symmetry_claims(Network(printed.architecture, printed.replica()), symmetry())
        numbers = [float(getattr(claims, column)) for column in SIGNATURE]
        rows.append([f"printed, {printed.source}", *_sizes(numbers[:3]), *(f"{n:.1f}" for n in numbers[3:])])
    for name in ("symmetry", "symmetry_soft_targets"):
        solved, config = learned(seeds(results, name)), load(name)
        numbers = [median(solved.loc[solved["S4"] == 1, column]).value for column in SIGNATURE]
        task, within = config.task, config.criterion.tolerance
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
        networks = seeds(results, name)
        stuck = networks[networks["solved"] == 0]
        in_minimum = stuck["stuck_as_printed"] == 1 if "stuck_as_printed" in stuck else None
        as_printed = 0 if in_minimum is None else int(in_minimum.sum())
        undecided = int((stuck["undecided"] == 1).sum())
        minimum = "-" if in_minimum is None else f"{as_printed:,}"
        rest = len(stuck) - as_printed - undecided
        about = [f"`{name}`", f"{load(name).learning.epsilon:g}", share_text(proportion(len(stuck), len(networks)))]
        rows.append([*about, minimum, f"{undecided:,}", f"{rest:,}"])
    header = ["experiment", "epsilon", "not solved, 95 % interval", "of those: outputs as in P Fig. 5"]
    return markdown([*header, "all outputs half way", "others"], rows)


def escape(results: Path) -> str:
    """Whether a larger epsilon escapes the printed minimum: from the same first weights, and from within it."""
    slow, fast = seeds(results, "xor_2_2_1"), seeds(results, "xor_2_2_1_fast")
    stuck = slow.loc[slow["stuck_as_printed"] == 1, "seed"]
    same = fast[fast["seed"].isin(stuck)]
    left = []
    for name in ("xor_from_minimum", "xor_from_minimum_fast", "xor_from_minimum_per_case"):
        networks = seeds(results, name)
        left.append(f"`{name}` {len(learned(networks))} of {len(networks):,}")
    epsilon, larger = (load(name).learning.epsilon for name in ("xor_2_2_1", "xor_2_2_1_fast"))
    return (
        f"P p.333 says that ε of 0.5 or more escapes the minimum. From the same first weights as the {len(stuck)} "
        f"networks that end there at {epsilon:g}, {learned_text(same)} learn at "
        f"{larger:g}. Started at the printed weights, moved by less than their rounding, these "
        f"learn: {', '.join(left)}."
    )


def counting_table(results: Path) -> str:
    """Whether parity networks count the inputs as printed, and where those are that have not learned."""
    rows = []
    for name in ("parity", "parity_per_case"):
        networks = seeds(results, name)
        solved, stuck = learned(networks), networks[networks["solved"] == 0]
        undecided = int((stuck["undecided"] == 1).sum())
        one_wrong = int(((stuck["right"] == 15) & (stuck["undecided"] == 0)).sum())
        claims = [share_text(share(solved[column])) for column in ("as_printed", "counts", "by_count")]
        where = [f"{number:,}" for number in (one_wrong, undecided, len(stuck) - one_wrong - undecided)]
        rows.append([f"`{name}`", learned_text(networks), *claims, *where])
    header = ["experiment", "learned, 95 % interval", "of those: as many on as inputs are off (P Table 3)"]
    header += ["count up or down, each unit either way round", "on by the number of inputs alone"]
    return markdown([*header, "not learned: 15 of 16 right", "all outputs half way", "others"], rows)


def encoder_table(results: Path) -> str:
    """How encoders use intermediate values, beside the printed codes."""
    theirs = codes(torch.tensor(printed_networks.ENCODER_CODES).unsqueeze(2))
    values, corners = int(theirs.intermediate), int(theirs.corners)
    rows = [["printed, P Table 5", "", "", f"{values}", f"{corners}", "", "", ""]]
    for name in ("encoder", "encoder_slow"):
        networks = seeds(results, name)
        solved = learned(networks)
        alike = (solved["intermediate"] == values) & (solved["corners"] == corners)
        about = [f"`{name}`", f"{load(name).learning.epsilon:g}", learned_text(networks)]
        used = [quartiles_text(solved[column]) for column in ("intermediate", "corners")]
        which = (solved["intermediate"] > 0, alike, solved["corners"] == 8)
        rows.append([*about, *used, *(share_text(share(holds)) for holds in which)])
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
        "precision": precision_table(results),
    }


def learned_text(networks: pd.DataFrame) -> str:
    """How many of the networks learned."""
    return share_text(share(networks["solved"]))


def _held(claim: object) -> str:
    return "holds" if bool(claim) else "does not hold"
