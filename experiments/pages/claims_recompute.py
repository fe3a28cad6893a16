"""How a reader finds a number of the page of claims again: a line of pandas."""

import json

from experiments.claims import ledger as claims
from experiments.claims.ledger import Test

PREAMBLE = """\
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp


def tuned(rows, by, limit, most="0"):
    \"\"\"The odd seeds, at the setting with most of the even ones; of equals, the fastest.\"\"\"
    even, odd = (rows[rows["seed"] % 2 == side] for side in (0, 1))
    means = even.assign(holds=-1.0 * even.eval(most), took=took(even, limit)).groupby(by)[["holds", "took"]].mean()
    best = means.sort_values(["holds", "took"], kind="stable").index[0]
    return odd[(odd[by].to_numpy() == best).all(axis=1)]


def took(rows, limit):
    \"\"\"Sweeps; the limit for a network that has not learned by then.\"\"\"
    return rows["sweeps"].fillna(limit)


def usual(rows, at):
    \"\"\"Twice the smaller part of the networks on either side of a number of sweeps.\"\"\"
    part = (rows["sweeps"].fillna(np.inf) <= at).mean()
    return 2 * min(part, 1 - part)
"""
"""What the lines of ``check`` begin with."""


def check(test: Test) -> str:
    """The line of Python that finds a test's value again, after ``PREAMBLE``, in the project's directory."""
    own = rows_text(test, test.among)
    other = rows_text(test, test.versus) if test.versus else ""
    given = call("eval", claims.expression(test))
    match test.measure:
        case "share":
            return f"{own}.{given}.mean()"
        case "gain":
            return f"{own}.{given}.mean() - {other}.{given}.mean()"
        case "median":
            return f"{own}.{given}.median()"
        case "largest":
            return f"{own}.{given}.max()"
        case "slope":
            x, y = (f"np.log({own}.{call('eval', one)})" for one in test.slope or ())
            return f"np.polyfit({x}, {y}, 1)[0]"
        case "faster":
            return f"took({other}, {test.limit}).mean() / took({own}, {test.limit}).mean()"
        case "sooner":
            return f"took({other}, {test.limit}).median() / took({own}, {test.limit}).median()"
        case "typical":
            return f'took({own}, np.inf).quantile(0.5, interpolation="lower")'
        case "place":
            return f"usual({own}, {test.place:g})"
        case _:
            return f"ks_2samp({own}.{given}, {other}.{given}).statistic"


def rows_text(test: Test, where: str) -> str:
    """The Python that reads the rows of a test."""
    rows = f'pd.read_csv("results/{test.table}.csv")' + (f".{call('query', where)}" if where else "")
    most = f", {json.dumps(test.share or test.gain)}" if test.share or test.gain else ""
    return f"tuned({rows}, {json.dumps(test.tuned)}, {test.limit}{most})" if test.tuned else rows


def call(method: str, expression: str) -> str:
    """A call of pandas with an expression."""
    engine = ', engine="python"' if "(" in expression else ""
    return f"{method}({json.dumps(expression, ensure_ascii=False)}{engine})"
