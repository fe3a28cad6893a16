"""results/family_trees.md from results/: what the printed settings do, which readings learn, and what is learned.

Sentences that state a result are made here from the numbers, so that they cannot outrun them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from experiments.build import load
from experiments.mechanism import FACTORS, GROWTH, KEPT, RANGES, READINGS, read
from experiments.schema import ReadingConfig
from experiments.statistics import Share, median, quartiles
from experiments.tables import Seeds, markdown
from repro.tasks.family_trees import RELATIONS

PAGE, SEARCH = "family_trees.md", "family_trees_search.csv"

NEGLIGIBLE = 0.5
"""E below which the error is called negligible: A22. The plateau has 18."""

MEETS = 0.5
"""A reading meets a printed count where at least this part of its networks does: A23."""

Rows = list[dict[str, str]]


@cache
def reading_of(name: str) -> ReadingConfig:
    """What a reading says of itself."""
    return load("family_trees", f"reading={name}").reading


def share(rows: Rows, holds: Callable[[dict[str, str]], bool]) -> Share:
    """How many rows hold."""
    return Share(sum(holds(row) for row in rows), len(rows))


def learned(row: dict[str, str]) -> bool:
    """All 100 training cases right at 0.5."""
    return row["train_right"] == "100"


def negligible(row: dict[str, str]) -> bool:
    """E so small that no case can be wrong by much: A22."""
    return float(row["E"]) < NEGLIGIBLE


def seven_of_eight(rows: Rows) -> float:
    """How likely two networks, each with cases of its own held out, have 7 or 8 of the 8 right."""
    right = Counter(int(row["held_out_right"]) for row in rows)
    four, three = right[4] / len(rows), right[3] / len(rows)
    return four * four + 2 * four * three


def percent(value: float) -> str:
    """``"12 %"``."""
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def brief(part: Share) -> str:
    """A share with its interval, without the counts."""
    low, high = part.interval
    return f"{100 * part.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def literal_table(results: Path) -> str:
    """What the printed settings do."""
    rows = []
    for count in ("with_decay", "without_decay"):
        own = of_reading(results, "literal", count)
        config = load("family_trees", f"count={count}")
        E, spread = quartiles([float(r["E"]) for r in own]), median([float(r["spread"]) for r in own])
        sweeps = f"{config.learning.sweeps:,} sweeps, decay {config.learning.decay:g}"
        band = f"{E[1]:.2f} ({E[0]:.2f} to {E[2]:.2f})"
        rows.append([sweeps, str(share(own, learned)), band, f"{spread:.4f}"])
    return markdown(
        ["literal reading", "all 100 right", "E: median (quartiles)", "spread of an output over the cases"], rows
    )


@cache
def study_rows(path: Path) -> Rows:
    """The study's table."""
    return read(path)


def of_reading(results: Path, reading: str, count: str) -> Rows:
    """The networks of one reading under one printed count."""
    return [
        r for r in study_rows(results / "family_trees_readings.csv") if (r["reading"], r["count"]) == (reading, count)
    ]


def readings_in(results: Path) -> list[str]:
    """The readings that were run, from the text outwards, and the more successful first."""
    names = {row["reading"] for row in study_rows(results / "family_trees_readings.csv")}

    def rank(name: str) -> tuple[int, float]:
        return reading_of(name).departures, -weaker(results, name)

    return sorted(names, key=rank)


def weaker(results: Path, reading: str) -> float:
    """The smaller of the shares that meet the two printed counts."""
    with_decay = share(of_reading(results, reading, "with_decay"), learned).value
    return min(with_decay, share(of_reading(results, reading, "without_decay"), negligible).value)


def readings_table(results: Path, chance: dict[str, float]) -> str:
    """Each reading against the printed counts."""
    rows = []
    for name in readings_in(results):
        about, own, bare = (
            reading_of(name),
            of_reading(results, name, "with_decay"),
            of_reading(results, name, "without_decay"),
        )
        units = [share(own, lambda r, f=f: float(r[f]) > chance[f]).value for f in chance]  # type: ignore[misc]
        held = sum(int(r["held_out_right"]) for r in own) / len(own)
        rows.append(
            [
                str(about.departures),
                f"`{name}`: {about.text}",
                brief(share(own, learned)),
                brief(share(bare, negligible)),
                f"{held:.2f}",
                brief(share(own, lambda r: r["held_out_right"] == "4")),
                percent(seven_of_eight(own)),
                " / ".join(percent(u) for u in units),
                f"{len(own):,}",
            ]
        )
    header = ["departures", "reading", "all 100 right, with decay", f"E < {NEGLIGIBLE:g} at 573 sweeps, no decay"]
    header += [
        "held-out right of 4",
        "4 of 4",
        "7 of 8 in two runs",
        "a unit tells nationality / generation / branch",
        "n",
    ]
    return markdown(header, rows)


def verdict(results: Path) -> str:
    """Which readings meet both counts, in words."""
    both = [name for name in readings_in(results) if weaker(results, name) >= MEETS]
    one_axis = [
        name
        for name in readings_in(results)
        if reading_of(name).departures == 1 and reading_of(name).question != "two at once"
    ]
    alone = [name for name in one_axis if name in both]
    most = max(one_axis, key=lambda name: share(of_reading(results, name, "with_decay"), learned).value)
    best = share(of_reading(results, most, "with_decay"), learned)
    words = [
        f"Varied one at a time, {len(one_axis)} departures were tried. "
        + (f"Of these {names(alone)} alone meets both counts. " if alone else "None of them alone meets both counts. ")
        + f"The one that goes furthest towards the first is `{most}`, with all 100 right in {brief(best)} of networks."
    ]
    if both:
        least = min(reading_of(name).departures for name in both)
        nearest = [name for name in both if reading_of(name).departures == least]
        words.append(
            f"Both counts together are met by {names(both)}; nearest to the text among them: {names(nearest)}."
        )
    held = {name: seven_of_eight(of_reading(results, name, "with_decay")) for name in both}
    if held:
        words.append(
            f"The third count, 7 of 8 held-out cases over two runs, has under these readings a chance of "
            f"{percent(min(held.values()))} to {percent(max(held.values()))} when the cases are drawn at random."
        )
    return " ".join(words)


def names(readings: Sequence[str]) -> str:
    """``"`a`, `b` and `c`"``."""
    quoted = [f"`{name}`" for name in readings]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


def growth_table(results: Path) -> str:
    """Growth per sweep over the decay, by reading and range."""
    rows = read(results / GROWTH)
    decay = load("family_trees").learning.decay
    table = []
    for reading in READINGS:
        cells = []
        for size in RANGES:
            own = [float(r["growth"]) for r in rows if r["reading"] == reading and float(r["initial_range"]) == size]
            cells.append(f"{sum(own) / len(own) / decay:.2g}")
        table.append([f"`{reading}`", *cells])
    return markdown(["growth / decay", *(f"±{size:g}" for size in RANGES)], table)


def kept_table(results: Path) -> str:
    """What is left of a learned state under the printed settings and with a larger epsilon."""
    rows = read(results / KEPT)
    decay, alpha = load("family_trees").learning.decay, load("family_trees").learning.alpha
    table = []
    for factor in FACTORS:
        own = [row for row in rows if float(row["factor"]) == factor]
        E, squares = median([float(r["E"]) for r in own]), median([float(r["sum_of_squares"]) for r in own])
        penalty = decay * (1 - alpha) / (0.01 * factor) / 2 * squares
        table.append([f"{factor:g} x 0.01", brief(share(own, learned)), f"{E:.2f}", f"{penalty:.2f}", f"{len(own):,}"])
    return markdown(["epsilon", "all 100 still right", "E, median", "decay's penalty, median", "n"], table)


def search_table(results: Path) -> str:
    """The best combinations of the search, run again over new seeds."""
    rows = read(results / SEARCH)
    again = max(int(row["seeds"]) for row in rows)
    axes = ["initial_range", "epsilon_factor", "form", "measured_from", "hidden_function", "decay_biases"]
    table = [
        [
            *(row[axis] for axis in axes),
            percent(float(row["learned"])),
            percent(float(row["negligible"])),
            row["held_out_right"],
        ]
        for row in rows
        if int(row["seeds"]) == again
    ]
    header = [
        *(axis.replace("_", " ") for axis in axes),
        "all 100 right, with decay",
        "negligible, without",
        "held-out of 4",
    ]
    return markdown(header, table)


def held_out_table(results: Path) -> str:
    """How many of 4 held-out cases are right: random ones, those with H's answers, and one choice of them."""
    rows = []
    for name in ("family_trees_learned", "family_trees_h_answers", "family_trees_h_split"):
        own = Seeds.read(results, name).rows
        right = Counter(int(r["held_out_right"]) for r in own)
        mean = sum(k * n for k, n in right.items()) / len(own)
        counts = [percent(right[k] / len(own)) for k in range(4)]
        four = brief(share(own, lambda r: r["held_out_right"] == "4"))
        rows.append([f"`{name}`", f"{mean:.2f}", *counts, four, percent(seven_of_eight(own)), f"{len(own):,}"])
    header = ["held-out cases", "right of 4", "0", "1", "2", "3", "4 of 4", "7 of 8 in two runs", "n"]
    return markdown(header, rows)


def hard_table(results: Path) -> str:
    """Which relationships are hard when a case is held out, and the easiest and hardest cases."""
    tried: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in Seeds.read(results, "family_trees_learned").rows:
        tried.update(row["held_out"].split(";"))
        right.update(case for case in row["held_out_right_cases"].split(";") if case)
    by_relation: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for case, n in tried.items():
        by_relation[case.partition(" ")[2]][0] += right[case]
        by_relation[case.partition(" ")[2]][1] += n
    order = sorted(RELATIONS, key=lambda relation: -by_relation[relation][0] / max(1, by_relation[relation][1]))
    table = markdown(
        ["relationship held out", "right, 95 % interval"], [[r, str(Share(*by_relation[r]))] for r in order]
    )
    ranked = sorted(tried, key=lambda case: right[case] / tried[case])
    return f"{table}\n\nHardest cases: {', '.join(ranked[:8])}. Easiest: {', '.join(ranked[:-9:-1])}."


def meaning_table(results: Path) -> str:
    """F3 to F7 and H's remarks on what the units encode."""
    own = [row for row in Seeds.read(results, "family_trees_learned").rows if learned(row)]
    table = []
    says = {"nationality": "F3", "generation": "F5", "branch": "F6", "sex": "H p.8: none does"}
    for feature, claim in says.items():
        level = float(own[0][f"{feature}_chance"])
        best = [max(float(row[f"{feature}_unit{u}"]) for u in range(1, 7)) for row in own]
        how_many = [sum(float(row[f"{feature}_unit{u}"]) > level for u in range(1, 7)) for row in own]
        code = median([float(row[f"{feature}_code"]) for row in own])
        above = Share(sum(value > level for value in best), len(best))
        few = Share(sum(1 <= value <= 2 for value in how_many), len(how_many))
        table.append([claim, feature, f"{level:.2f}", f"{median(best):.2f}", brief(above), brief(few), f"{code:.2f}"])
    header = ["claim", "feature", "chance, best of 6 (95th percentile)", "best unit, median", "some unit above chance"]
    first = markdown([*header, "one or two units are", "whole code, median"], table)
    nearest, rank = median([float(r["twin_nearest"]) for r in own]), median([float(r["twin_rank"]) for r in own])
    balance = median([float(r["decay_balance"]) for r in own])
    second = markdown(
        ["claim", "measure", "by chance", f"here, median of {len(own):,}"],
        [
            ["F4", "people whose nearest code is their twin's", percent(1 / 23), percent(nearest)],
            ["F4", "rank of the twin among the other 23", "12", f"{rank:.1f}"],
            ["F7", "correlation of w with -∂E/∂w at the end", "0", f"{balance:.2f}"],
        ],
    )
    return f"{first}\n\n{second}"


def chance_levels(results: Path) -> dict[str, float]:
    """The chance level of each feature, as the learned networks' run measured it."""
    row = Seeds.read(results, "family_trees_learned").rows[0]
    return {feature: float(row[f"{feature}_chance"]) for feature in ("nationality", "generation", "branch")}


def parts(results: Path) -> dict[str, str]:
    """The generated parts of the page, by the name of their markers."""
    return {
        "literal": literal_table(results),
        "verdict": verdict(results),
        "readings": readings_table(results, chance_levels(results)),
        "search": search_table(results),
        "growth": growth_table(results),
        "kept": kept_table(results),
        "held_out": held_out_table(results),
        "hard": hard_table(results),
        "meaning": meaning_table(results),
    }
