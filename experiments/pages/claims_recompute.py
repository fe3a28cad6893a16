"""How a reader finds a number of the page of claims again: a line of pandas."""

import json

from experiments.claims.ledger import Test

PREAMBLE = """\
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp


def best(rows, by, limit, most="0"):
    \"\"\"The odd seeds, at the setting with most of the even ones; of equals, the fastest.\"\"\"
    even, odd = (rows[rows["seed"] % 2 == side] for side in (0, 1))
    means = even.assign(holds=-1.0 * even.eval(most), took=took(even, limit)).groupby(by)[["holds", "took"]].mean()
    setting = means.sort_values(["holds", "took"], kind="stable").index[0]
    return odd[(odd[by].to_numpy() == setting).all(axis=1)]


def took(rows, limit):
    \"\"\"Sweeps; the limit for a network that has not learned by then.\"\"\"
    return rows["sweeps"].fillna(limit)


def two_sided_rank(rows, at):
    \"\"\"Twice the smaller part of the networks on either side of a number of sweeps.\"\"\"
    part = (rows["sweeps"].fillna(np.inf) <= at).mean()
    return 2 * min(part, 1 - part)
"""
"""What the lines of ``check`` begin with."""


def check(test: Test) -> str:
    """The line of Python that finds a test's value again, after ``PREAMBLE``, in the project's directory."""
    own = rows_text(test, test.among)
    other = rows_text(test, test.versus) if test.versus else ""
    given = call("eval", test.of[0])
    match test.measure:
        case "share":
            return f"{own}.{given}.mean()"
        case "difference":
            return f"{own}.{given}.mean() - {other}.{given}.mean()"
        case "median":
            return f"{own}.{given}.median()"
        case "maximum":
            return f"{own}.{given}.max()"
        case "log_log_slope":
            x, y = (f"np.log({own}.{call('eval', one)})" for one in test.of)
            return f"np.polyfit({x}, {y}, 1)[0]"
        case "mean_ratio":
            return f"took({other}, {test.limit}).mean() / took({own}, {test.limit}).mean()"
        case "median_ratio":
            return f"took({other}, {test.limit}).median() / took({own}, {test.limit}).median()"
        case "survival_median":
            return f'took({own}, np.inf).quantile(0.5, interpolation="lower")'
        case "two_sided_rank":
            return f"two_sided_rank({own}, {test.two_sided_rank:g})"
        case _:
            return f"ks_2samp({own}.{given}, {other}.{given}).statistic"


def rows_text(test: Test, where: str) -> str:
    """The Python that reads the rows of a test."""
    rows = f'pd.read_csv("results/{test.table}.csv")' + (f".{call('query', where)}" if where else "")
    most = f", {json.dumps(test.share or test.difference)}" if test.share or test.difference else ""
    return f"best({rows}, {json.dumps(test.best)}, {test.limit}{most})" if test.best else rows


def call(method: str, expression: str) -> str:
    """A call of pandas with an expression."""
    engine = ', engine="python"' if "(" in expression else ""
    return f"{method}({json.dumps(expression, ensure_ascii=False)}{engine})"
