"""The generated tables of the README and of results/claims.md."""

import inspect
from collections.abc import Callable, Sequence

from torch import Tensor

from experiments.claims.ledger import Judged
from experiments.pages.claims import counted, measured_text, tally, verdict_text
from experiments.pages.markdown import markdown
from repro import equations

FIRST_SEEN = ("E1", "S2", "S4", "X4", "F1", "G1")
"""The claims that the README shows: one of each kind, those that hold and those that do not."""


def claims_table(judged: Sequence[Judged], page: str) -> str:
    """Each claim with its verdict and those of its tests, and the first of these that decides.

    page: the link to the page of claims, from the document that the table is for.
    """
    rows = []
    for one in judged:
        deciding = one.deciding
        last = [finding.verdict for finding in one.last.deciding]
        each = counted(last) if len(last) > 1 else ""
        first = (deciding[0].test.says, measured_text(deciding[0])) if deciding else (one.claim.untestable, "")
        rows.append(
            [f"[{one.claim.id}]({page}#{one.claim.id})", one.claim.says, f"**{verdict_text(one)}**", each, *first]
        )
    header = ["", "claim", "verdict", "its tests", "the first of them", "here, 95 % interval"]
    return f"{counts(judged)}\n\n" + markdown(header, rows)


def holds_table(judged: Sequence[Judged], page: str) -> str:
    """FIRST_SEEN of the claims, in a line each, after how many there are of each verdict. page: as above."""
    by_id = {one.claim.id: one for one in judged}
    rows = []
    for one in (by_id[claim] for claim in FIRST_SEEN if claim in by_id):
        first = one.deciding[0]
        found = f"{first.test.says}: {measured_text(first)}"
        rows.append([f"[{one.claim.id}]({page}#{one.claim.id})", one.claim.says, f"**{verdict_text(one)}**", found])
    header = ["", "the papers say", "here", "measured, with its 95 % interval"]
    return f"{counts(judged)} Six of them:\n\n" + markdown(header, rows)


def counts(judged: Sequence[Judged]) -> str:
    """How many claims of the papers there are of each verdict, and how many of ours."""
    papers, own = ([one for one in judged if one.claim.own is whose] for whose in (False, True))
    fresh = sum(one.confirmed is not None for one in judged)
    how = f" ({fresh} judged by the confirmation: lines frozen first, then fresh seeds)" if fresh else ""
    said = f"Of the papers' {len(papers)} claims {', '.join(tally(papers))}{how}."
    return f"{said} Of {len(own)} more that are our own {', '.join(tally(own))}." if own else said


def equations_table(source: str) -> str:
    """Where each equation stands. source: the link to repro/equations.py, from the document that the table is for."""
    functions: list[tuple[str, Callable[..., Tensor]]] = [
        ("(1)", equations.total_input),
        ("(2)", equations.logistic),
        ("(3)", equations.error),
        ("(4)", equations.dE_dy_output),
        ("(5)", equations.dE_dx),
        ("(6)", equations.dE_dw),
        ("(7)", equations.dE_dy),
        ("(8)", equations.steepest_descent),
        ("(9)", equations.momentum),
    ]
    rows = []
    for label, function in functions:
        line = inspect.getsourcelines(function)[1]
        says = (function.__doc__ or "").splitlines()[0].partition(": ")[2].partition(",")[0].partition(". ")[0]
        rows.append([label, says.rstrip("."), f"[`{function.__name__}`]({source}#L{line})"])
    return markdown(["equation", "the paper's", "here"], rows)
