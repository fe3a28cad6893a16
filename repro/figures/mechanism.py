"""Why the family trees do not learn with the printed settings: growth against decay, and what ε has to be to stay."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure


def mechanism_figure(
    ranges: Sequence[float],
    growth: Mapping[str, Sequence[float]],
    decay: float,
    printed_range: float,
    factors: Sequence[float],
    all_right: Sequence[float],
    right: Sequence[float],
) -> Figure:
    """Left: growth per sweep at the plateau by the range of the first weights, one line a reading, and the decay.
    Right: what is left of the learned state as ε comes down, as the part of networks with all 100 cases right and as
    the median of the cases right; factors are multiples of the printed ε, in the order in which they were run."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, kept = figure.subplots(1, 2)
    for reading, rates in growth.items():
        left.plot(ranges, rates, "o-", markersize=4, label=reading)
    left.axhline(decay, color="0.3", linestyle="--", label="decay per sweep")
    left.axvline(printed_range, color="0.7", linestyle=":", label="printed range")
    left.set(
        xscale="log", yscale="log", xlabel="first weights in ±", ylabel="growth per sweep", title="Leaving the plateau"
    )
    left.legend(fontsize=7, frameon=False)
    kept.plot(factors, all_right, "o-", color="#0060a8", label="part of networks with all 100 right")
    kept.plot(factors, [n / 100 for n in right], "s--", color="#c04000", label="part of 100 cases right, median")
    kept.set(
        xlabel="ε, as a multiple of the printed",
        ylim=(-0.03, 1.05),
        xlim=(max(factors) + 0.5, 0.5),
        title="Staying learned as ε comes down",
    )
    kept.legend(fontsize=7, frameon=False, loc="lower left")
    return figure
