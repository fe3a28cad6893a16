"""What a family-trees network knows and what its units mean: codes and outputs made so that the answer is known."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from repro.measures.family_trees import (
    FEATURES,
    SHUFFLE_STREAM,
    cases_satisfied,
    decay_balance,
    decoding_accuracy,
    feature_of,
    kinship,
    people_shuffled,
    person_code,
    shuffled_accuracy,
    spread_over_cases,
    twin_rank,
    unit_accuracies,
    without,
)
from repro.networks import Network
from repro.output_functions import SYMMETRIC
from repro.tasks.family_trees import PEOPLE, PLACES, family_trees
from repro.trained import cases_right
from tests.plans import FAMILY_TREES, Plan, random_weights


def code_of(*units: list[float]) -> Tensor:
    """One replica's code from the list of each unit, ``[people, units, 1]``."""
    return torch.tensor(units, dtype=torch.float64).T.unsqueeze(2)


def random_code(units: int = 6, replicas: int = 3, people: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(people, units, replicas, generator=generator, dtype=torch.float64)


# Right and satisfied -------------------------------------------------------------------------------------


def case(*y: float) -> Tensor:
    return torch.tensor(y, dtype=torch.float64).reshape(1, -1, 1)


WANTED = torch.tensor([[1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("y", "right", "satisfied"),
    [
        ((0.51, 0.49, 0.0), True, False),
        ((0.49, 0.0, 0.0), False, False),  # the right unit is not on
        ((0.9, 0.51, 0.0), False, False),  # another one is
        ((0.9, 0.1, 0.9), False, False),
        ((0.5, 0.0, 0.0), False, False),  # on is above 0.5
        ((0.81, 0.19, 0.19), True, True),
        ((0.8, 0.0, 0.0), True, False),  # satisfied is above 0.8
        ((1.0, 0.2, 0.0), True, False),
        ((1.0, 0.0, 0.0), True, True),
    ],
)
def test_right_and_satisfied_by_hand(y, right, satisfied):
    assert cases_right(case(*y), WANTED).tolist() == [[right]]
    assert cases_satisfied(case(*y), WANTED).tolist() == [[satisfied]]


def test_both_of_two_answers_have_to_be_on():
    two = torch.tensor([[1.0, 1.0, 0.0]])
    assert cases_right(torch.cat([case(0.6, 0.6, 0.1), case(0.6, 0.4, 0.1)], dim=2), two).tolist() == [[True, False]]


def test_other_bounds():
    assert cases_satisfied(case(0.75, 0.25, 0.25), WANTED, on=0.7, off=0.3).all()
    assert not cases_satisfied(case(0.75, 0.25, 0.25), WANTED, on=0.7, off=0.25).any()


def test_soft_targets_are_told_apart_at_a_half():
    soft = 0.1 + 0.8 * WANTED
    assert cases_right(case(0.6, 0.4, 0.4), soft).all()
    assert cases_satisfied(case(0.9, 0.1, 0.1), soft).all()


def kinship_by_hand() -> tuple[Tensor, Tensor]:
    """4 cases of 1 unit that should be on, 3 replicas: outputs, and which are right (R) or satisfied (S)."""
    y = torch.tensor(
        [
            [0.9, 0.6, 0.1],  # S R -
            [0.9, 0.1, 0.1],  # S - -
            [0.6, 0.9, 0.1],  # R S -
            [0.1, 0.9, 0.9],  # - S S
        ],
        dtype=torch.float64,
    ).unsqueeze(1)
    return y, torch.ones(4, 1, dtype=torch.float64)


def test_kinship_counts_learned_and_held_out_cases_apart():
    y, d = kinship_by_hand()
    held_out = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1]], dtype=torch.bool)
    found = kinship(y, d, held_out)
    assert found.train_right.tolist() == [2, 2, 0]
    assert found.train_satisfied.tolist() == [2, 2, 0]
    assert found.held_out_right.tolist() == [1, 1, 1]
    # H's E of what is learned: 0.9 counts nothing, 0.6 ½ 0.2², 0.1 ½ 0.7²
    assert found.E_H.tolist() == pytest.approx([0, 0.245, 2 * 0.245], abs=1e-15)
    same = kinship(y, d, held_out[:, :1])
    assert same.train_right.tolist() == [2, 1, 0]
    assert same.train_satisfied.tolist() == [2, 0, 0]
    assert same.held_out_right.tolist() == [1, 2, 1]
    assert same.E_H.tolist() == pytest.approx([0, 0.02 + 0.245, 2 * 0.245], abs=1e-15)
    assert same.spread.equal(spread_over_cases(y))


def test_spread_by_hand():
    """The standard deviation of 1, 2, 3 is 1, that of 0, 0, 3 √3, that of a constant 0."""
    y = torch.tensor([[[1.0, 5.0], [0.0, 7.0]], [[2.0, 5.0], [0.0, 7.0]], [[3.0, 5.0], [3.0, 7.0]]])
    assert spread_over_cases(y).tolist() == pytest.approx([(1 + math.sqrt(3)) / 2, 0], abs=1e-6)


# Codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("biases", [None, ["person2"]], ids=["biases", "no bias there"])
@pytest.mark.parametrize("symmetric", [(), ("person_code",)], ids=["logistic", "symmetric"])
def test_the_code_is_the_activity_of_the_six_units(symmetric, biases):
    plan = Plan(FAMILY_TREES.groups, FAMILY_TREES.links, biases, symmetric=symmetric)
    task = family_trees()
    network = Network(plan.architecture, random_weights(plan.architecture, 2))
    code, activity = person_code(network), network.activity(task.inputs)["person_code"]
    assert code.shape == (24, 6, 2)
    for c, name in enumerate(task.cases):
        person = PEOPLE.index(name.split(" ")[0])
        torch.testing.assert_close(activity[c], code[person], rtol=0, atol=1e-14)
    assert (plan.architecture.function("person_code") is SYMMETRIC) == (code.min().item() < 0)


def test_features_have_a_value_for_each_person():
    assert {name: len(values) for name, values in FEATURES.items()} == dict.fromkeys(FEATURES, 24)
    counts = {name: feature_of(name).add(1).bincount().tolist() for name in FEATURES}
    assert counts == {
        "nationality": [0, 12, 12],
        "generation": [0, 8, 12, 4],
        "branch": [4, 10, 10],
        "sex": [0, 12, 12],
    }
    for name in ("generation", "branch", "sex"):  # twins have the same, but for nationality
        assert feature_of(name)[:PLACES].equal(feature_of(name)[PLACES:])


# Decoding ------------------------------------------------------------------------------------------------

TWO_AND_TWO = torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("values", "accuracy"),
    [
        ([0, 1, 10, 11], 1),
        ([10, 11, 0, 1], 1),  # whichever way round
        ([0, 10, 1, 11], 0),
        # Each left out of its own class: 0 and 1 are right; 10 is 10 from the other of its class, and 9.5 from 0.5.
        ([0, 1, 0, 10], 1 / 2),
        ([0, 1, 2, 10], 3 / 4),  # now it is 8 from the other of its class
        ([0, 3, 10, 11], 1),
    ],
)
def test_decoding_by_hand(values, accuracy):
    assert decoding_accuracy(code_of(values), TWO_AND_TWO).item() == accuracy


def test_decoding_from_two_units_together():
    """Neither unit alone tells the corners of a square from each other, both together do."""
    corners = code_of([0, 0, 0.1, 0, 10, 10, 10, 10.1], [0, 0.1, 10, 10, 0, 0, 10, 10])
    feature = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    assert decoding_accuracy(corners, feature).item() == 1
    assert unit_accuracies(corners, feature).amax().item() < 1
    for unit in (0, 1):
        alone = decoding_accuracy(corners[:, unit : unit + 1], feature)
        assert unit_accuracies(corners, feature)[unit].equal(alone)


def test_three_classes_by_hand():
    """Generations on a line, as N Fig. 4 has them: the middle one in between."""
    assert decoding_accuracy(code_of([0, 1, 5, 6, 10, 11]), torch.tensor([0, 0, 1, 1, 2, 2])).item() == 1
    # 3 is 2 from 5, its class without it, and 2.5 from the mean of 0 and 1; then 4 from 7, and still 2.5 from 0.5
    assert decoding_accuracy(code_of([0, 1, 3, 5]), torch.tensor([0, 0, 1, 1])).item() == 1
    assert decoding_accuracy(code_of([0, 1, 3, 7]), torch.tensor([0, 0, 1, 1])).item() == 3 / 4


def test_people_without_the_feature_do_not_count():
    feature = torch.tensor([0, -1, 0, 1, 1, -1])
    code = code_of([0, 100, 1, 10, 11, -100])
    assert decoding_accuracy(code, feature).item() == 1


def test_nobody_is_told_by_themselves_alone():
    """The one member of a class has no class without itself, and is given to the nearest of the others."""
    assert decoding_accuracy(code_of([0, 1, 100]), torch.tensor([0, 0, 1])).item() == pytest.approx(2 / 3)


def test_a_unit_that_says_the_same_of_all_is_right_about_the_first_class_only():
    dead = torch.ones(24, 1, 1, dtype=torch.float64)
    found = {name: decoding_accuracy(dead, feature_of(name)).item() for name in FEATURES}
    assert found == pytest.approx({"nationality": 1 / 2, "generation": 1 / 3, "branch": 1 / 2, "sex": 1 / 2})


@pytest.mark.parametrize("name", FEATURES)
def test_a_unit_that_is_the_feature_tells_it(name):
    feature = feature_of(name)
    noise = random_code()
    code = noise.clone()
    code[:, 4, :] = (0.4 * feature + 0.05 * noise[:, 4, 0]).unsqueeze(1)
    accuracies = unit_accuracies(code, feature)
    assert accuracies.shape == (6, 3)
    assert accuracies[4].tolist() == [1, 1, 1]
    assert accuracies[[0, 1, 2, 3, 5]].amax() < 1


def test_measures_do_not_depend_on_the_order_of_units_or_replicas():
    code, feature = random_code(), feature_of("generation")
    units, replicas = torch.tensor([3, 1, 5, 0, 2, 4]), torch.tensor([2, 0, 1])
    shuffled = code[:, units][..., replicas]
    assert decoding_accuracy(shuffled, feature).equal(decoding_accuracy(code, feature)[replicas])
    assert unit_accuracies(shuffled, feature).equal(unit_accuracies(code, feature)[units][:, replicas])
    assert twin_rank(shuffled).equal(twin_rank(code)[:, replicas])
    order = people_shuffled(range(3))
    expected = shuffled_accuracy(code, feature, order)[replicas]
    assert shuffled_accuracy(shuffled, feature, order[:, replicas]).equal(expected)


def test_decoding_does_not_depend_on_scale_or_on_the_order_of_people():
    code, feature = random_code(), feature_of("branch")
    people = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    expected = decoding_accuracy(code, feature)
    assert decoding_accuracy(4 * code - 2, feature).equal(expected)
    assert decoding_accuracy(code[people], feature[people]).equal(expected)
    mirrored = torch.where(feature >= 0, 1 - feature, feature)
    assert decoding_accuracy(code, mirrored).equal(expected)


# Chance --------------------------------------------------------------------------------------------------


def every_order(people: int) -> Tensor:
    """All orders of so many people, ``[people, orders]``."""
    return torch.tensor(list(itertools.permutations(range(people)))).T


def told_by_chance(code: Tensor, feature: Tensor) -> float:
    """The part of all orders in which the best of the units is right about everyone; in the others it never is."""
    order = every_order(len(feature))
    found = shuffled_accuracy(code.expand(-1, -1, order.shape[1]), feature, order)
    assert set(found.tolist()) == {0, 1}
    return found.mean().item()


def test_chance_by_hand():
    """Of the 3 ways to put 4 people into two pairs, one has accuracy 1 with these values, and the two others 0."""
    code = code_of([0, 1, 10, 11])
    for pairs, accuracy in (([0, 0, 1, 1], 1), ([0, 1, 0, 1], 0), ([0, 1, 1, 0], 0)):
        assert decoding_accuracy(code, torch.tensor(pairs)).item() == accuracy
    assert told_by_chance(code, TWO_AND_TWO) == pytest.approx(1 / 3)


def test_chance_of_the_best_of_two_units():
    """The second unit is right about another of the 3 ways: the best of the two is right in 2 of 3."""
    assert told_by_chance(code_of([0, 1, 10, 11], [0, 10, 1, 11]), TWO_AND_TWO) == pytest.approx(2 / 3)


def test_people_without_the_feature_keep_none():
    """Were others given their codes of 5, more accuracies than 0 and 1 would be found."""
    feature = torch.tensor([-1, 0, 0, 1, 1, -1])
    assert told_by_chance(code_of([5, 0, 1, 10, 11, 5]), feature) == pytest.approx(1 / 3)


def test_chance_of_a_unit_that_says_the_same_of_all():
    dead, order = torch.ones(24, 2, 3, dtype=torch.float64), people_shuffled(range(3))
    assert shuffled_accuracy(dead, feature_of("nationality"), order).tolist() == [1 / 2] * 3
    assert shuffled_accuracy(dead, feature_of("branch"), order).tolist() == [1 / 2] * 3


def slowly(unit: list[float], classes: list[int]) -> float:
    """``decoding_accuracy`` of one unit, person by person."""
    right = 0
    for i, own in enumerate(classes):
        distance = {}
        for k in sorted(set(classes)):
            others = [value for j, value in enumerate(unit) if classes[j] == k and j != i]
            distance[k] = abs(unit[i] - sum(others) / len(others))
        right += min(distance, key=lambda k: distance[k]) == own
    return right / len(classes)


@pytest.mark.parametrize("name", FEATURES)
def test_shuffled_accuracy_is_that_of_the_people_s_codes_given_away_one_by_one(name):
    code, seeds = random_code(replicas=5), [0, 1, 7, 1_000_000, 2**32 - 1]
    found = shuffled_accuracy(code, feature_of(name), people_shuffled(seeds))
    classes = {person: value for person, value in enumerate(FEATURES[name]) if value is not None}
    for r, seed in enumerate(seeds):
        order = torch.randperm(24, generator=torch.Generator().manual_seed(seed + SHUFFLE_STREAM)).tolist()
        givers = [person for person in order if person in classes]
        units = [[code[person, u, r].item() for person in givers] for u in range(6)]
        assert found[r].item() == pytest.approx(max(slowly(unit, list(classes.values())) for unit in units), abs=1e-15)


def test_the_order_of_the_people_is_that_of_the_seed_in_any_company():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    together = people_shuffled(range(50))
    assert torch.rand(1).equal(expected)
    assert together.sort(dim=0).values.equal(torch.arange(24).unsqueeze(1).expand(-1, 50))
    assert len({tuple(order) for order in together.T.tolist()}) == 50
    assert people_shuffled([31]).equal(together[:, 31:32])


def test_each_person_stands_anywhere_in_the_order():
    """In 4,800 orders each of the 24 stands 200 times in each place: 5 standard errors are 69."""
    at = torch.stack([order.bincount(minlength=24) for order in people_shuffled(range(4_800))])
    assert at.sum(dim=1).eq(4_800).all()
    assert (at - 200).abs().max().item() < 69


def test_a_feature_that_is_there_is_above_chance():
    """And noise is not: at the 95th percentile of the best of 6 units, about 1 replica in 20 is above."""
    feature = feature_of("branch")
    noise = random_code(replicas=200)
    level = shuffled_accuracy(noise, feature, people_shuffled(range(200))).quantile(0.95).item()
    best = unit_accuracies(noise, feature).amax(dim=0)
    assert 0.5 < level < 0.9
    assert (best > level).double().mean().item() < 0.1
    assert (best >= level).double().mean().item() > 0.02
    noise[:, 2, :] = feature.double().unsqueeze(1)
    assert unit_accuracies(noise, feature).amax(dim=0).min().item() > level


# Twins ---------------------------------------------------------------------------------------------------

PLACE = torch.arange(12, dtype=torch.float64)


def english_and_italian(english: Tensor, italian: Tensor) -> Tensor:
    return torch.cat([english, italian]).reshape(24, 1, 1)


def test_twins_with_nearly_the_same_code_are_nearest():
    assert twin_rank(english_and_italian(PLACE, PLACE + 0.25)).eq(1).all()


def test_twins_apart_by_nationality_rank_after_the_compatriots():
    """100 apart: nearer are the 11 compatriots, and the foreigners on the way. p + 12 of the 23, or 23 - p."""
    ranks = twin_rank(english_and_italian(PLACE, PLACE + 100)).flatten()
    assert ranks.tolist() == [p + 12 for p in range(12)] + [23 - p for p in range(12)]


def test_one_is_nearer_than_the_twin():
    italian = PLACE + 0.25
    italian[0], italian[1] = 1.25, 0.25  # the twins of places 0 and 1 have changed places
    ranks = twin_rank(english_and_italian(PLACE, italian)).flatten()
    # 0: 0.25 is nearer than 1.25, and so is 1. 1: 1.25 is nearer than 0.25, at 0.75
    assert ranks[[0, 1]].tolist() == [3, 2]
    assert ranks[2:12].eq(1).all()


def test_codes_that_are_all_the_same_have_the_last_rank():
    assert twin_rank(torch.ones(24, 6, 2)).eq(23).all()
    assert twin_rank(torch.full((24, 6, 2), torch.nan)).eq(23).all()


def test_random_codes_have_rank_12_in_the_mean():
    ranks = twin_rank(random_code(replicas=2_000)).double()
    assert ranks.mean().item() == pytest.approx(12, abs=0.15)  # 5 standard errors of 48,000 ranks
    assert (ranks.min(), ranks.max()) == (1, 23)


# Decay ---------------------------------------------------------------------------------------------------


def weights(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


def test_decay_balance_by_hand():
    """Correlations of 1, 2, 3 with 1, 3, 2, with itself and with its opposite, over both keys."""
    w = {"a": weights(1, 2), "b": weights(3)}
    for slopes, balance in ((({"a": (-1, -3), "b": (-2,)}), 0.5), ({"a": (-2, -4), "b": (-6,)}, 1.0)):
        dE_dw = {key: weights(*values) for key, values in slopes.items()}
        assert decay_balance(w, dE_dw).item() == pytest.approx(balance, abs=1e-15)
        assert decay_balance(w, {key: -g for key, g in dE_dw.items()}).item() == pytest.approx(-balance, abs=1e-15)
        assert decay_balance(w, dict(reversed(dE_dw.items()))).item() == pytest.approx(balance, abs=1e-15)


def test_weights_at_rest_under_decay_are_in_balance():
    """Where w does not change any more: w = (w + Δw)(1 - decay) with Δw = -ε ∂E/∂w / (1 - α), F7."""
    w = random_weights(FAMILY_TREES.architecture, 4)
    dE_dw = {key: -value * 0.002 / 0.998 * (1 - 0.9) / 0.01 for key, value in w.items()}
    assert decay_balance(w, dE_dw).tolist() == pytest.approx([1] * 4, abs=1e-12)
    unrelated = random_weights(FAMILY_TREES.architecture, 4, seed=1)
    assert decay_balance(w, unrelated).abs().max().item() < 0.2  # 630 weights: 5 standard errors


def test_decay_balance_takes_each_replica_by_itself():
    w, g = random_weights(FAMILY_TREES.architecture, 3), random_weights(FAMILY_TREES.architecture, 3, seed=1)
    for r in range(3):
        alone = decay_balance(
            {k: v[..., r : r + 1] for k, v in w.items()}, {k: v[..., r : r + 1] for k, v in g.items()}
        )
        torch.testing.assert_close(decay_balance(w, g)[r : r + 1], alone, rtol=0, atol=1e-14)


def test_a_code_less_one_unit():
    code = torch.arange(24.0).reshape(2, 3, 4)  # people, units, replicas
    less = without(code, torch.tensor([0, 1, 2, 0]))
    assert less[0].T.tolist() == [[4, 8], [1, 9], [2, 6], [7, 11]]
    assert less[1].equal(less[0] + 12)
