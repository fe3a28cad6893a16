"""The printed counts of the family trees: the table's questions are those that the networks are asked."""

import pandas as pd
import torch

from experiments.claims import family_trees as claims
from repro.measures import family_trees as measures
from repro.measures.family_trees import Kinship


def test_the_ledger_and_the_search_count_the_same_networks():
    """The claims need no torch, so that the two questions stand there once more."""
    right, E_H = [100, 99, 100, 100, 100], [0.0, 0.0, 0.49, 0.5, float("nan")]
    rest = torch.zeros(5)
    found = Kinship(torch.tensor(right), rest, rest, torch.tensor(E_H, dtype=torch.float64), rest)
    held_out = (torch.arange(104) < 4).unsqueeze(1)
    table = pd.DataFrame({"train_right": right, "E_H": E_H})
    assert claims.learned(table).tolist() == measures.all_right(found, held_out).tolist() == [True, False, *[True] * 3]
    assert claims.negligible(table).tolist() == measures.negligible(found, held_out).tolist()
    assert claims.negligible(table).tolist() == [True, False, True, False, False]
    assert claims.NEGLIGIBLE == measures.NEGLIGIBLE
