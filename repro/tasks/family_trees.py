"""The two family trees (N Fig. 2): who is whose what, generated from marriages and children by kinship rules.

24 people, 12 relationships; the 104 pairs (person 1, relationship) that have an answer are the cases, and with two
aunts or uncles for some they hold 112 triples. The paper's "104 triples" are the cases: see ``family_trees``.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from repro.tasks.task import Task

# Each couple, husband first, with its son and daughter: the same four places in either tree, from the grandparents
# down. Within a tree the order of ``PEOPLE`` is that of the paper's figures.
Couple = tuple[str, str, tuple[str, str] | None]
ENGLISH: tuple[Couple, ...] = (
    ("Christopher", "Penelope", ("Arthur", "Victoria")),
    ("Andrew", "Christine", ("James", "Jennifer")),
    ("Arthur", "Margaret", None),
    ("James", "Victoria", ("Colin", "Charlotte")),
    ("Charles", "Jennifer", None),
)
ITALIAN: tuple[Couple, ...] = (
    ("Roberto", "Maria", ("Emilio", "Lucia")),
    ("Pierro", "Francesca", ("Marco", "Angela")),
    ("Emilio", "Gina", None),
    ("Marco", "Lucia", ("Alfonso", "Sophia")),
    ("Tomaso", "Angela", None),
)
PEOPLE = (
    *("Christopher", "Andrew", "Arthur", "James", "Charles", "Colin"),
    *("Penelope", "Christine", "Victoria", "Jennifer", "Margaret", "Charlotte"),
    *("Roberto", "Pierro", "Emilio", "Marco", "Tomaso", "Alfonso"),
    *("Maria", "Francesca", "Lucia", "Angela", "Gina", "Sophia"),
)
"""The 24 people in the order of N Figs 3 and 4: an English row, and each one's Italian twin 12 places on."""

RELATIONS = (
    *("husband", "wife", "son", "daughter", "father", "mother"),
    *("brother", "sister", "nephew", "niece", "uncle", "aunt"),
)
"""The 12 relationships in the order of H Fig. 7."""

PLACES = len(PEOPLE) // 2
"""Places in one tree."""

NATIONALITY = (0,) * PLACES + (1,) * PLACES
"""0 English, 1 Italian."""

FEMALE = ((0,) * (PLACES // 2) + (1,) * (PLACES // 2)) * 2
"""1 for a woman."""

GENERATION = (0, 0, 1, 1, 1, 2, 0, 0, 1, 1, 1, 2) * 2
"""Generation of each person of ``PEOPLE``, 0 the oldest."""

BRANCH = (0, 1, 0, 1, 1, None, 0, 1, 0, 1, 0, None) * 2
"""Side of the family: 0 that of Christopher and Penelope, 1 that of Andrew and Christine, None for both."""


def answers(couples: Sequence[Couple]) -> dict[tuple[str, str], frozenset[str]]:
    """(person 1, relationship) to every correct person 2, by the kinship rules, for one tree.

    Uncles and aunts, nephews and nieces count by marriage too, so that some people have two aunts and two uncles.
    """
    husband = {wife: man for man, wife, _ in couples}
    wife = {man: woman for man, woman, _ in couples}
    sons = {parent: {kids[0]} for man, woman, kids in couples if kids for parent in (man, woman)}
    daughters = {parent: {kids[1]} for man, woman, kids in couples if kids for parent in (man, woman)}
    parents = {kid: (man, woman) for man, woman, kids in couples if kids for kid in kids}
    spouse = husband | wife
    everyone = set(spouse) | set(parents)
    males = set(wife) | {kids[0] for _, _, kids in couples if kids}

    def children(person: str) -> set[str]:
        return sons.get(person, set()) | daughters.get(person, set())

    def siblings(person: str) -> set[str]:
        return {kid for parent in parents.get(person, ())[:1] for kid in children(parent)} - {person}

    def with_spouses(people: set[str]) -> set[str]:
        return people | {spouse[p] for p in people if p in spouse}

    def elders(person: str) -> set[str]:
        return with_spouses({s for parent in parents.get(person, ()) for s in siblings(parent)})

    def youngsters(person: str) -> set[str]:
        own = siblings(person) | (siblings(spouse[person]) if person in spouse else set())
        return {kid for sibling in own for kid in children(sibling)}

    rules: dict[str, Callable[[str], set[str]]] = {
        "husband": lambda p: {husband[p]} if p in husband else set(),
        "wife": lambda p: {wife[p]} if p in wife else set(),
        "son": lambda p: children(p) & males,
        "daughter": lambda p: children(p) - males,
        "father": lambda p: set(parents.get(p, ())) & males,
        "mother": lambda p: set(parents.get(p, ())) - males,
        "brother": lambda p: siblings(p) & males,
        "sister": lambda p: siblings(p) - males,
        "nephew": lambda p: youngsters(p) & males,
        "niece": lambda p: youngsters(p) - males,
        "uncle": lambda p: elders(p) & males,
        "aunt": lambda p: elders(p) - males,
    }
    found = {(p, relation): frozenset(rules[relation](p)) for p in everyone for relation in RELATIONS}
    return {case: people for case, people in found.items() if people}


def family_trees(both_answers: bool = True) -> Task:
    """The 104 cases; inputs ``person1`` (24 units) and ``relation`` (12), one on in each; 24 output units.

    A case with two correct answers has both output units on (N Fig. 3), or, without ``both_answers``, only the one
    that comes first in ``PEOPLE``. Cases stand in the order of ``PEOPLE``, then
    ``RELATIONS``, and are called ``"Colin aunt"``.
    """
    known = answers(ENGLISH) | answers(ITALIAN)
    cases = [(p, r) for p in PEOPLE for r in RELATIONS if (p, r) in known]
    person = torch.zeros(len(cases), len(PEOPLE), dtype=torch.float64)
    relation = torch.zeros(len(cases), len(RELATIONS), dtype=torch.float64)
    desired = torch.zeros(len(cases), len(PEOPLE), dtype=torch.float64)
    for c, (p, r) in enumerate(cases):
        person[c, PEOPLE.index(p)] = 1
        relation[c, RELATIONS.index(r)] = 1
        on = sorted(PEOPLE.index(answer) for answer in known[p, r])
        desired[c, on if both_answers else on[0]] = 1
    return Task("family_trees", {"person1": person, "relation": relation}, desired, tuple(f"{p} {r}" for p, r in cases))


def random_splits(task: Task, seeds: Sequence[int], held_out: int = 4) -> Tensor:
    """Which cases each seed holds out, ``[cases, replicas]``, bool: ``held_out`` of them, by the seed alone.

    The generator is not that of the first weights: split and start of one seed have nothing to do with each other.

    Raises ValueError where no case would be left to learn, or fewer than 0 are asked for.
    """
    cases = len(task.cases)
    if not 0 <= held_out < cases:
        raise ValueError(f"{held_out} of {cases} cases cannot be held out: from none to all but one can")
    out = torch.zeros(cases, len(seeds), dtype=torch.bool)
    generator = torch.Generator()
    for r, seed in enumerate(seeds):
        generator.manual_seed((seed + SPLIT_STREAM) % 2**63)
        out[torch.randperm(cases, generator=generator)[:held_out], r] = True
    return out


def splits_by_answer(task: Task, seeds: Sequence[int], people: Sequence[str]) -> Tensor:
    """For each seed a case with each of these answers, drawn at random among those with one answer only.

    A name that stands twice is the answer of two cases. ``[cases, replicas]``, bool. For H, whose held-out cases are
    known by their answers alone: Andrew, Victoria, Lucia, Lucia (H Fig. 8).

    Raises ValueError for an unknown person, or one named more often than there are cases.
    """
    on = task.desired > task.desired.mean()  # whatever is wanted of a unit that should be on
    single = on.sum(dim=1) == 1
    out = torch.zeros(len(task.cases), len(seeds), dtype=torch.bool)
    generator = torch.Generator()
    having: dict[str, Tensor] = {}
    for person in people:
        if person not in PEOPLE:
            raise ValueError(f"'{person}': there is no such person; they are {', '.join(PEOPLE)}")
        having[person] = torch.nonzero(single & on[:, PEOPLE.index(person)])[:, 0]
        if people.count(person) > len(having[person]):
            raise ValueError(f"'{person}' is the one answer of {len(having[person])} cases only")
    for r, seed in enumerate(seeds):
        generator.manual_seed((seed + SPLIT_STREAM) % 2**63)
        for person, cases in having.items():
            out[cases[torch.randperm(len(cases), generator=generator)[: people.count(person)]], r] = True
    return out


SPLIT_STREAM = 1_000_003 * 2**20
"""Added to a seed to draw its split, far from any seed whose weights one would draw."""


def named_split(task: Task, names: Sequence[str]) -> Tensor:
    """The same held-out cases for every replica, ``[cases, 1]``, bool; each written ``"Colin aunt"``.

    Raises ValueError for an unknown person or relationship, one that the person does not have, or one named twice.
    """
    out = torch.zeros(len(task.cases), 1, dtype=torch.bool)
    for name in names:
        person, _, relation = name.partition(" ")
        if person not in PEOPLE:
            raise ValueError(f"'{name}': there is no person '{person}'; they are {', '.join(PEOPLE)}")
        if relation not in RELATIONS:
            raise ValueError(f"'{name}': there is no relationship '{relation}'; they are {', '.join(RELATIONS)}")
        if name not in task.cases:
            has = [case.partition(" ")[2] for case in task.cases if case.startswith(f"{person} ")]
            raise ValueError(f"'{name}': {person} has no {relation}; {person} has {', '.join(has)}")
        if out[task.cases.index(name), 0]:
            raise ValueError(f"'{name}' is named twice")
        out[task.cases.index(name), 0] = True
    if len(names) >= len(task.cases):
        raise ValueError(f"all {len(task.cases)} cases are held out; one at least must be left to learn")
    return out
