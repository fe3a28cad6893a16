"""How a reader finds a number of the page of claims again: a line of pandas."""

import json

from experiments.claims.ledger import Test, is_number

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


def place(values, *at):
    \"\"\"Twice the smaller part that is as far out as a printed value; of several the most usual.\"\"\"
    values = values.fillna(np.inf)
    return min(1, max(2 * min((values <= one).mean(), (values >= one).mean()) for one in at))


def printed(figure, measure):
    \"\"\"What a printed figure comes to, at each scale that it may have.\"\"\"
    rows = pd.read_csv("results/printed_figures.csv")
    return rows[(rows["figure"] == figure) & (rows["measure"] == measure)]["value"]


def times_off(values, at):
    \"\"\"How far the median of all networks is from a printed number.\"\"\"
    median = values.fillna(np.inf).quantile(0.5, interpolation="lower")
    return max(median / at, at / median)
"""
"""What the lines of ``check`` begin with."""


def check(test: Test) -> str:
    """The line of Python that finds a test's value again, after ``PREAMBLE``, in the project's directory."""
    own = rows_text(test, test.table, test.among)
    other = rows_text(test, test.versus_table or test.table, test.versus) if test.versus else ""
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
        case "mean_difference":
            return f"{own}.{given}.mean() - {other}.{given}.mean()"
        case "place" | "times_off":
            at = (
                test.printed
                if is_number(test.printed)
                else f"*printed({json.dumps(test.printed)}, {json.dumps(test.of[0])})"
            )
            return f"{test.measure}({own}.{given}, {at})"
        case _:
            return f"ks_2samp({own}.{given}, {other}.{given}).statistic"


def rows_text(test: Test, table: str, where: str) -> str:
    """The Python that reads the rows of a test from a table."""
    rows = f'pd.read_csv("results/{table}.csv")'
    if test.then and table == test.table:
        rows += f'.merge(pd.read_csv("results/{test.then}.csv"), on="seed", suffixes=("", "_then"))'
    rows += f".{call('query', where)}" if where else ""
    most = f", {json.dumps(test.share or test.difference)}" if test.share or test.difference else ""
    return f"best({rows}, {json.dumps(test.best)}, {test.limit}{most})" if test.best else rows


def call(method: str, expression: str) -> str:
    """A call of pandas with an expression."""
    engine = ', engine="python"' if "(" in expression else ""
    return f"{method}({json.dumps(expression, ensure_ascii=False)}{engine})"
