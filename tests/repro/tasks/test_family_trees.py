"""The two family trees: every case against a table read off N Fig. 2 by hand, counts, and what may be held out."""

import itertools
from collections import Counter

import pytest
import torch
from scipy import stats

from repro.population import initial_weights
from repro.tasks.family_trees import (
    BRANCH,
    ENGLISH,
    FEMALE,
    GENERATION,
    ITALIAN,
    NATIONALITY,
    PEOPLE,
    PLACES,
    RELATIONS,
    answers,
    family_trees,
    named_split,
    random_splits,
    splits_by_answer,
)
from tests.plans import FAMILY_TREES

TASK = family_trees()

# Read off the tree of N Fig. 2: each person's relations, and who they are.
ELDERS = "uncle Arthur, uncle Charles, aunt Jennifer, aunt Margaret"
BY_HAND = {
    "Christopher": "wife Penelope, son Arthur, daughter Victoria",
    "Penelope": "husband Christopher, son Arthur, daughter Victoria",
    "Andrew": "wife Christine, son James, daughter Jennifer",
    "Christine": "husband Andrew, son James, daughter Jennifer",
    "Arthur": "wife Margaret, father Christopher, mother Penelope, sister Victoria, nephew Colin, niece Charlotte",
    "Margaret": "husband Arthur, nephew Colin, niece Charlotte",
    "Victoria": "husband James, son Colin, daughter Charlotte, father Christopher, mother Penelope, brother Arthur",
    "James": "wife Victoria, son Colin, daughter Charlotte, father Andrew, mother Christine, sister Jennifer",
    "Jennifer": "husband Charles, father Andrew, mother Christine, brother James, nephew Colin, niece Charlotte",
    "Charles": "wife Jennifer, nephew Colin, niece Charlotte",
    "Colin": "father James, mother Victoria, sister Charlotte, " + ELDERS,
    "Charlotte": "father James, mother Victoria, brother Colin, " + ELDERS,
}
TWINS = {
    **{"Christopher": "Roberto", "Penelope": "Maria", "Andrew": "Pierro", "Christine": "Francesca"},
    **{"Margaret": "Gina", "Arthur": "Emilio", "Victoria": "Lucia", "James": "Marco", "Jennifer": "Angela"},
    **{"Charles": "Tomaso", "Colin": "Alfonso", "Charlotte": "Sophia"},
}
MEN = {"Christopher", "Andrew", "Arthur", "James", "Charles", "Colin"}
MEN |= {TWINS[man] for man in MEN}


def triples_by_hand() -> set[tuple[str, str, str]]:
    english = {(person, *each.split(" ")) for person, text in BY_HAND.items() for each in text.split(", ")}
    return english | {(TWINS[one], relation, TWINS[other]) for one, relation, other in english}


def triples(task=TASK) -> list[tuple[str, str, str]]:
    """(person 1, relation, person 2) as the units say it."""
    found = []
    for c in range(len(task.cases)):
        (one,), (relation,) = (task.inputs[group][c].nonzero()[:, 0].tolist() for group in ("person1", "relation"))
        found += [(PEOPLE[one], RELATIONS[relation], PEOPLE[other]) for other in task.desired[c].nonzero()[:, 0]]
    return found


# The cases -----------------------------------------------------------------------------------------------


def test_every_triple_is_that_of_the_figure():
    assert set(triples()) == triples_by_hand()


def test_the_papers_example():
    """N Fig. 3: Colin has two aunts."""
    case = TASK.cases.index("Colin aunt")
    assert {PEOPLE[p] for p in TASK.desired[case].nonzero()[:, 0]} == {"Jennifer", "Margaret"}


def test_counts():
    assert len(set(PEOPLE)) == len(PEOPLE) == 24
    assert len(set(RELATIONS)) == len(RELATIONS) == 12
    assert len(set(TASK.cases)) == len(TASK.cases) == 104
    assert len(set(triples())) == len(triples()) == 112
    assert TASK.inputs["person1"].shape == (104, 24)
    assert TASK.inputs["relation"].shape == (104, 12)
    assert TASK.desired.shape == (104, 24)
    assert Counter(TASK.desired.sum(dim=1).tolist()) == {1: 96, 2: 8}
    assert set(torch.cat([*TASK.inputs.values(), TASK.desired], dim=1).unique().tolist()) == {0, 1}


def test_cases_of_each_relation():
    """In each tree: 6 of each parent and child, 5 of each spouse, and so on; only uncles and aunts come in twos."""
    cases = Counter(case.partition(" ")[2] for case in TASK.cases)
    per_tree = {"son": 6, "daughter": 6, "father": 6, "mother": 6, "husband": 5, "wife": 5}
    per_tree |= {"nephew": 4, "niece": 4, "brother": 3, "sister": 3, "uncle": 2, "aunt": 2}
    assert cases == {relation: 2 * count for relation, count in per_tree.items()}
    two = {case.partition(" ")[2] for c, case in enumerate(TASK.cases) if TASK.desired[c].sum() == 2}
    assert two == {"uncle", "aunt"}


def test_the_trees_are_isomorphic():
    assert {PEOPLE[place]: PEOPLE[place + PLACES] for place in range(PLACES)} == TWINS
    english, italian = answers(ENGLISH), answers(ITALIAN)
    assert {(TWINS[p], r): frozenset(TWINS[a] for a in people) for (p, r), people in english.items()} == italian
    assert not {p for p, _ in english} & {p for p, _ in italian}
    assert not any((one in TWINS) != (other in TWINS) for one, _, other in triples())


INVERSE = [
    (("father", "mother"), ("son", "daughter")),
    (("uncle", "aunt"), ("nephew", "niece")),
    (("brother", "sister"), ("brother", "sister")),
    (("husband",), ("wife",)),
]


@pytest.mark.parametrize(("one", "other"), INVERSE, ids=lambda names: " or ".join(names))
def test_relations_have_their_inverse(one, other):
    """Whoever is my father or mother has me for a son or daughter, and the other way round."""
    there = {(a, b) for a, relation, b in triples() if relation in one}
    back = {(b, a) for a, relation, b in triples() if relation in other}
    assert there == back
    assert there


def test_words_tell_the_sex_of_the_second_person():
    male = {"husband", "son", "father", "brother", "nephew", "uncle"}
    for _, relation, person in triples():
        assert (person in MEN) == (relation in male)
    assert {one in MEN for one, relation, _ in triples() if relation == "wife"} == {True}
    assert set(PEOPLE[:6]) | set(PEOPLE[12:18]) == MEN  # men first in each row, as in the figures


def test_nobody_is_their_own_relative():
    assert not [t for t in triples() if t[0] == t[2]]


def test_order_and_names_of_cases():
    """By person, then by relation; the order of people is that of N Figs 3 and 4, that of relations H Fig. 7's."""
    assert PEOPLE[:6] == ("Christopher", "Andrew", "Arthur", "James", "Charles", "Colin")
    assert PEOPLE[6:12] == ("Penelope", "Christine", "Victoria", "Jennifer", "Margaret", "Charlotte")
    assert RELATIONS[:6] == ("husband", "wife", "son", "daughter", "father", "mother")
    assert RELATIONS[6:] == ("brother", "sister", "nephew", "niece", "uncle", "aunt")
    place = [(PEOPLE.index(p), RELATIONS.index(r)) for p, r in (case.split(" ") for case in TASK.cases)]
    assert place == sorted(place)
    of_units = zip(TASK.inputs["person1"].argmax(dim=1), TASK.inputs["relation"].argmax(dim=1), strict=True)
    assert [(int(p), int(r)) for p, r in of_units] == place


def test_nationality_and_sex():
    assert {p for p, italian in zip(PEOPLE, NATIONALITY, strict=True) if italian} == set(TWINS.values())
    assert {p for p, female in zip(PEOPLE, FEMALE, strict=True) if not female} == MEN


def test_generation_and_branch():
    generation = dict(zip(PEOPLE, GENERATION, strict=True))
    branch = dict(zip(PEOPLE, BRANCH, strict=True))
    for one, relation, other in triples():
        step = {"son": 1, "daughter": 1, "nephew": 1, "niece": 1, "father": -1, "mother": -1, "uncle": -1, "aunt": -1}
        assert generation[other] - generation[one] == step.get(relation, 0)
        if relation in ("brother", "sister"):
            assert branch[one] == branch[other]
        if relation in ("son", "daughter") and generation[one] == 0:
            assert branch[one] == branch[other]
    # the couple in the middle joins the branches; whoever marries in stands with their spouse
    assert (branch["Victoria"], branch["James"]) == (0, 1)
    assert branch["Colin"] is branch["Charlotte"] is branch["Alfonso"] is branch["Sophia"] is None
    assert (branch["Margaret"], branch["Charles"]) == (branch["Arthur"], branch["Jennifer"])


def test_one_answer_is_the_first_of_the_two():
    one = family_trees(both_answers=False)
    assert one.cases == TASK.cases
    assert all(one.inputs[group].equal(TASK.inputs[group]) for group in TASK.inputs)
    assert one.desired.sum(dim=1).eq(1).all()
    assert one.desired.argmax(dim=1).equal(TASK.desired.argmax(dim=1))  # argmax finds the first
    kept = {(p, r): a for p, r, a in triples(one)}
    assert kept["Colin", "aunt"] == "Jennifer"
    assert kept["Sophia", "uncle"] == "Emilio"


def test_a_tree_with_an_error_would_be_seen():
    """Negative control: a wrong marriage, as published data have had it, changes the cases."""
    wrong = (*ENGLISH[:2], ("Arthur", "Jennifer", None), ENGLISH[3], ("Charles", "Margaret", None))
    assert answers(wrong) != answers(ENGLISH)
    assert answers(wrong)["Colin", "aunt"] == {"Jennifer"}  # and Margaret is no relative by blood or marriage


# Held out at random --------------------------------------------------------------------------------------


def test_a_split_depends_on_its_seed_alone():
    together = random_splits(TASK, range(1_000))
    assert random_splits(TASK, [17]).equal(together[:, 17:18])
    assert random_splits(TASK, [5, 17, 5]).equal(together[:, [5, 17, 5]])
    assert random_splits(TASK, range(999, -1, -1)).flip(1).equal(together)


def test_the_splits_of_the_published_seeds():
    """Another stream would be as good, and would find other numbers than those of results/."""
    by_answer = splits_by_answer(TASK, [0, 1, 2], ["Andrew", "Victoria", "Lucia", "Lucia"])
    for splits, cases in (
        (random_splits(TASK, [0, 1, 2]), [[18, 28, 42, 65], [43, 65, 67, 91], [6, 11, 30, 57]]),
        (by_answer, [[28, 39, 61, 80], [39, 48, 54, 74], [28, 39, 64, 74]]),
    ):
        assert [split.nonzero()[:, 0].tolist() for split in splits.T] == cases


def test_a_split_has_nothing_to_do_with_the_first_weights():
    """Neither draws from what the other, or anyone else, draws from."""
    before = random_splits(TASK, range(20))
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    initial_weights(FAMILY_TREES.architecture, range(20), 1.0)
    assert random_splits(TASK, range(20)).equal(before)
    assert torch.rand(1).equal(expected)
    order = torch.randperm(104, generator=torch.Generator().manual_seed(3))
    assert before[order[:4], 3].sum() < 4  # it is not the generator of the weights of seed 3


@pytest.mark.parametrize("held_out", [0, 1, 4, 103])
def test_so_many_different_cases_are_held_out(held_out):
    splits = random_splits(TASK, range(50), held_out)
    assert splits.shape == (104, 50)
    assert splits.dtype == torch.bool
    assert splits.sum(dim=0).eq(held_out).all()


def uniformity(splits) -> float:
    """p of the chi-square test that every case is held out equally often: k of n without putting back."""
    n, seeds = splits.shape
    k = int(splits[:, 0].sum())
    variance = seeds * k * (n - k) / (n * (n - 1))  # what makes the sum chi-square with n - 1 degrees of freedom
    return float(stats.chi2.sf(((splits.sum(dim=1) - seeds * k / n) ** 2).sum().item() / variance, n - 1))


def test_every_case_is_held_out_equally_often():
    splits = random_splits(TASK, range(10_000))
    assert 0.01 < uniformity(splits) < 0.99
    few = random_splits(TASK, range(10_000))
    few[:, :500] = few[:, :1]  # one seed in 20 with the same split
    assert uniformity(few) < 1e-6


def test_the_splits_of_neighbouring_seeds_are_independent():
    """Cases that two of them share: hypergeometric, 4 and 4 of 104."""
    splits = random_splits(TASK, range(20_001))
    shared = (splits[:, 1:] & splits[:, :-1]).sum(dim=0).bincount(minlength=3)
    expected = stats.hypergeom(104, 4, 4).pmf([0, 1]) * 20_000
    expected = [*expected, 20_000 - sum(expected)]
    found = [int(shared[0]), int(shared[1]), int(shared[2:].sum())]
    assert stats.chisquare(found, expected).pvalue > 0.01
    assert len({tuple(split.nonzero()[:, 0].tolist()) for split in splits.T[:1_000]}) > 990


@pytest.mark.parametrize("held_out", [-1, 104, 105])
def test_too_many_or_too_few_held_out(held_out):
    with pytest.raises(ValueError, match=f"^{held_out} of 104 cases cannot be held out: from none to all but one"):
        random_splits(TASK, [0], held_out)


# Held out by answer --------------------------------------------------------------------------------------

H_ANSWERS = ("Andrew", "Victoria", "Lucia", "Lucia")


def held_out_answers(split) -> list[str]:
    return sorted(PEOPLE[p] for c in split.nonzero()[:, 0] for p in TASK.desired[c].nonzero()[:, 0])


def test_splits_have_the_answers_asked_for():
    splits = splits_by_answer(TASK, range(200), H_ANSWERS)
    assert splits.shape == (104, 200)
    assert all(held_out_answers(split) == sorted(H_ANSWERS) for split in splits.T)


def test_splits_by_answer_depend_on_the_seed_alone():
    together = splits_by_answer(TASK, range(100), H_ANSWERS)
    assert splits_by_answer(TASK, [17], H_ANSWERS).equal(together[:, 17:18])
    assert splits_by_answer(TASK, [99, 3], H_ANSWERS).equal(together[:, [99, 3]])


def test_each_choice_of_such_cases_is_as_likely():
    """3 cases have the answer Andrew, 6 Victoria, and 15 pairs of cases Lucia: 270 choices in all."""
    andrew = {"Christine husband", "James father", "Jennifer father"}
    victoria = {"Christopher daughter", "Penelope daughter", "Arthur sister", "James wife"}
    victoria |= {"Colin mother", "Charlotte mother"}
    lucia = {f"{TWINS[case.split(' ')[0]]} {case.split(' ')[1]}" for case in victoria}
    choices = {
        frozenset((a, v, *pair))
        for a, v, pair in itertools.product(andrew, victoria, itertools.combinations(sorted(lucia), 2))
    }
    splits = splits_by_answer(TASK, range(10_000), H_ANSWERS)
    drawn = Counter(frozenset(TASK.cases[c] for c in split.nonzero()[:, 0]) for split in splits.T)
    assert drawn.keys() == choices
    assert len(choices) == 270
    assert 0.01 < stats.chisquare(list(drawn.values())).pvalue < 0.99


def test_cases_with_two_answers_are_not_drawn_by_one_of_them():
    """Margaret is an aunt of two, together with Jennifer; alone she is the answer to "Arthur wife" only."""
    split = splits_by_answer(TASK, [0, 1, 2], ["Margaret"])
    assert split.equal(named_split(TASK, ["Arthur wife"]).expand(-1, 3))


def test_splits_by_answer_do_not_depend_on_the_targets():
    soft = TASK.with_targets(0.2, 0.8)
    assert splits_by_answer(soft, range(20), H_ANSWERS).equal(splits_by_answer(TASK, range(20), H_ANSWERS))


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (["Andrew", "Colum"], "'Colum': there is no such person; they are Christopher, Andrew"),
        (["Margaret", "Margaret"], "'Margaret' is the one answer of 1 cases only"),
        (["Andrew"] * 4, "'Andrew' is the one answer of 3 cases only"),
        ([""], "'': there is no such person"),
    ],
)
def test_answers_that_cannot_be_held_out(people, message):
    with pytest.raises(ValueError, match=message):
        splits_by_answer(TASK, [0], people)


# Held out by name ----------------------------------------------------------------------------------------


def test_named_split():
    names = ["James father", "Colin aunt"]
    split = named_split(TASK, names)
    assert split.shape == (104, 1)
    assert split.dtype == torch.bool
    assert {TASK.cases[c] for c in split.nonzero()[:, 0]} == set(names)
    assert not named_split(TASK, []).any()
    assert named_split(TASK, TASK.cases[1:])[:, 0].tolist() == [False] + [True] * 103


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Colin aunt", "Collin aunt"], "'Collin aunt': there is no person 'Collin'; they are Christopher, Andrew"),
        (["Colin cousin"], "'Colin cousin': there is no relationship 'cousin'; they are husband, wife, son"),
        (["Colin wife"], "'Colin wife': Colin has no wife; Colin has father, mother, sister, uncle, aunt$"),
        (["Penelope wife"], "Penelope has no wife; Penelope has husband, son, daughter$"),
        (["Colin aunt", "James father", "Colin aunt"], "'Colin aunt' is named twice"),
        (["Colin"], "'Colin': there is no relationship ''"),
        (["Colin  aunt"], "'Colin  aunt': there is no relationship ' aunt'"),
        (["Colin aunt Jennifer"], "there is no relationship 'aunt Jennifer'"),
        (["aunt Colin"], "there is no person 'aunt'"),
        (["colin aunt"], "there is no person 'colin'"),
        (["Colin, aunt"], "there is no person 'Colin,'"),
        ([""], "'': there is no person ''"),
        (TASK.cases, "all 104 cases are held out; one at least must be left to learn"),
    ],
    ids=lambda value: None if isinstance(value, str) else "; ".join(value[:2]) or "nothing",
)
def test_names_that_cannot_be_held_out(names, message):
    with pytest.raises(ValueError, match=message):
        named_split(TASK, names)
