"""What a trained family-trees network knows, and what its units have come to mean (N Figs 3 and 4; H).

A person's *code* is the activity of the 6 units that receive from the 24 people: ``[people, units, replicas]``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from repro.choices import MeasuredFrom, Satisfied
from repro.errors import ErrorMeasure, included_cases
from repro.networks import ALWAYS_ON, Architecture, Network, link_name
from repro.population import Population
from repro.tasks.family_trees import BRANCH, FEMALE, GENERATION, NATIONALITY, PEOPLE, PLACES, SPLIT_STREAM
from repro.trained import Trained, cases_right

FEATURES: dict[str, Sequence[int | None]] = {
    "nationality": NATIONALITY,
    "generation": GENERATION,
    "branch": BRANCH,
    "sex": FEMALE,
}
"""Of each person of ``PEOPLE``: what F3, F5 and F6 say that a unit encodes, and what H p.8 says that none does.

None: the person has no such feature.
"""


SHUFFLE_STREAM = 2 * SPLIT_STREAM
"""Added to a seed to draw its order of the people, far from any seed whose weights or split one would draw."""

AS_H_MEASURES = ErrorMeasure(satisfied=Satisfied.unit, measured_from=MeasuredFrom.bound)
"""H p.11: no error beyond 0.8 or 0.2, and the rest measured from there."""


def cases_satisfied(y: Tensor, d: Tensor, on: float = 0.8, off: float = 0.2) -> Tensor:
    """H p.6: a case is satisfied when every output is beyond its bound. Shapes as in ``cases_right``."""
    wanted = (d > 0.5).unsqueeze(2)
    return torch.where(wanted, y > on, y < off).all(dim=1)


def spread_over_cases(y: Tensor) -> Tensor:
    """How much the outputs depend on the input at all: their standard deviation over the cases, the mean over units.

    y ``[cases, units, replicas]``; returns ``[replicas]``. About 0 where a network gives its average answer to all.
    """
    return y.std(dim=0).mean(dim=0)


def has_person_code(population: Population) -> bool:
    """Whether there is a group, as in N Fig. 3, whose units encode person 1."""
    return link_name("person1", "person_code") in population.weights


@torch.no_grad()
def person_code(network: Network) -> Tensor:
    """The code of each person, ``[people, units, replicas]``, in the order of ``PEOPLE``."""
    x = network.weights[link_name("person1", "person_code")]
    bias = link_name(ALWAYS_ON, "person_code")
    if bias in network.weights:
        x = x + network.weights[bias]
    plan = network.architecture
    assert isinstance(plan, Architecture)
    return plan.function("person_code").y(x.transpose(0, 1))


def decoding_accuracy(code: Tensor, feature: Tensor) -> Tensor:
    """How well a code tells a feature: the part of people whose class has the nearest mean, each left out of its own.

    code ``[people, units, replicas]``, feature ``[people]`` of whole numbers from 0, -1 for people left out of account.
    Returns ``[replicas]``. With one unit it asks what that unit alone tells.
    """
    known = feature >= 0
    x, classes = code[known], feature[known]
    member = torch.nn.functional.one_hot(classes).to(x.dtype)  # [people, classes]
    sums = torch.einsum("pk,pur->kur", member, x)
    # the mean of class k as person p sees it: without p, where p belongs to k
    count = member.sum(dim=0) - member
    means = (sums.unsqueeze(0) - member[:, :, None, None] * x.unsqueeze(1)) / count[:, :, None, None]
    distance = ((x.unsqueeze(1) - means) ** 2).sum(dim=2)  # [people, classes, replicas]
    distance = distance.nan_to_num(nan=torch.inf)  # a class without anyone else in it is the nearest of none
    return (distance.argmin(dim=1) == classes.unsqueeze(1)).to(x.dtype).mean(dim=0)


def unit_accuracies(code: Tensor, feature: Tensor) -> Tensor:
    """``decoding_accuracy`` from each unit alone, ``[units, replicas]``."""
    return torch.stack([decoding_accuracy(code[:, u : u + 1], feature) for u in range(code.shape[1])])


def feature_of(name: str) -> Tensor:
    """A feature of ``FEATURES`` as a tensor ``[people]``, -1 where a person has none."""
    return torch.tensor([-1 if value is None else value for value in FEATURES[name]])


def people_shuffled(seeds: Sequence[int]) -> Tensor:
    """An order of the 24 people for each seed, drawn by the seed alone, ``[people, replicas]``."""
    order = torch.empty(len(seeds), len(PEOPLE), dtype=torch.int64)
    generator = torch.Generator()
    for r, seed in enumerate(seeds):
        torch.randperm(len(PEOPLE), generator=generator.manual_seed(seed + SHUFFLE_STREAM), out=order[r])
    return order.T


def shuffled_accuracy(code: Tensor, feature: Tensor, order: Tensor) -> Tensor:
    """What the best of the units tells by chance, ``[replicas]``: of people with the codes of others.

    code and feature as in ``decoding_accuracy``; order ``[people, replicas]``, one for all features: see
    ``people_shuffled``. Those who have the feature take one another's codes, in the order in which they stand there.
    """
    known = feature >= 0
    others = order.T[known[order.T]].reshape(order.shape[1], -1).T  # [people who have it, replicas]
    taken = code.gather(0, others.unsqueeze(1).expand(-1, code.shape[1], -1))
    return unit_accuracies(taken, feature[known]).amax(dim=0)


def twin_rank(code: Tensor) -> Tensor:
    """Where each person's twin in the other tree stands among the other 23 by distance of codes (F4): 1 is nearest.

    code ``[people, units, replicas]``; returns ``[people, replicas]``. By chance the mean is 12. Whoever is as far as
    the twin counts as nearer, so that codes that are all the same (or not numbers) have the last rank, 23.
    """
    distance = torch.cdist(code.permute(2, 0, 1), code.permute(2, 0, 1))  # [replicas, people, people]
    people = torch.arange(len(PEOPLE), device=code.device)
    twin = (people + PLACES) % len(PEOPLE)
    to_twin = distance[:, people, twin].unsqueeze(2)
    farther = (distance > to_twin).sum(dim=2)
    return len(PEOPLE) - 1 - farther.T


def without(code: Tensor, unit: Tensor) -> Tensor:
    """The code less one unit a replica, the one named in unit ``[replicas]``: ``[people, units - 1, replicas]``."""
    people, units, replicas = code.shape
    others = torch.arange(units, device=code.device).unsqueeze(1) != unit  # [units, replicas]
    kept = code.transpose(1, 2)[others.T.expand(people, -1, -1)]
    return kept.reshape(people, replicas, units - 1).transpose(1, 2)


def decay_balance(w: dict[str, Tensor], dE_dw: dict[str, Tensor]) -> Tensor:
    """Whether decay balances ∂E/∂w (F7): the correlation of w with -∂E/∂w over all weights.

    w and dE_dw by key, ``[to, from, replicas]``; returns ``[replicas]``. dE_dw is best a mean over many sweeps: where
    no error counts beyond 0.8 and 0.2, outputs come to rest at these bounds and go back and forth about them.
    """
    x = torch.cat([value.flatten(0, 1) for value in w.values()])
    g = -torch.cat([dE_dw[key].flatten(0, 1) for key in w])
    x, g = x - x.mean(dim=0), g - g.mean(dim=0)
    size_x, size_g = (x * x).sum(dim=0).sqrt(), (g * g).sum(dim=0).sqrt()
    return (x * g).sum(dim=0) / (size_x * size_g)


NEGLIGIBLE = 0.5
"""E_H below which the error of a network that has every training case right is called negligible: A22."""


@dataclass(frozen=True)
class Kinship:
    """How many cases each replica has right and what its outputs are like, ``[replicas]`` each.

    E_H: the error as H p.11 measures it, over the training cases: one scale, whatever the error that was learned by.
    """

    train_right: Tensor
    train_satisfied: Tensor
    held_out_right: Tensor
    E_H: Tensor
    spread: Tensor


@torch.no_grad()
def kinship(y: Tensor, d: Tensor, held_out: Tensor) -> Kinship:
    """y ``[cases, units, replicas]``, d ``[cases, units]``, held_out ``[cases, replicas or 1]``, bool."""
    right, satisfied = cases_right(y, d), cases_satisfied(y, d)
    return Kinship(
        train_right=(right & ~held_out).sum(dim=0),
        train_satisfied=(satisfied & ~held_out).sum(dim=0),
        held_out_right=(right & held_out).sum(dim=0),
        E_H=AS_H_MEASURES.E(y, d.unsqueeze(2), included_cases(held_out, y)),
        spread=spread_over_cases(y),
    )


def all_right(found: Kinship, held_out: Tensor) -> Tensor:
    """Which replicas have every case right that they learned, ``[replicas]``, bool (A7); held_out as in ``kinship``."""
    return found.train_right == (~held_out).sum(dim=0)


def negligible(found: Kinship, held_out: Tensor) -> Tensor:
    """Which replicas have that, and E_H below NEGLIGIBLE, ``[replicas]``, bool (A22)."""
    return all_right(found, held_out) & (found.E_H < NEGLIGIBLE)


def counterparts(y: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """How much the counterpart of the right answer, in the other tree, is on as well (H Fig. 8).

    y ``[cases, units, replicas]`` of cases with one right answer, answers ``[cases]`` by its number. Returns, ``[cases,
    replicas]`` each: the counterpart's activity over the answer's; and whether nobody else of its tree is as active.
    """
    cases = torch.arange(len(answers), device=y.device)
    twins = (answers + PLACES) % len(PEOPLE)
    of_twin = y[cases, twins]
    other_tree = torch.arange(len(PEOPLE), device=y.device) // PLACES == (twins // PLACES).unsqueeze(1)
    as_active = ((y >= of_twin.unsqueeze(1)) & other_tree.unsqueeze(2)).sum(dim=1)  # the twin among them
    return of_twin / y[cases, answers], as_active == 1


def held_out_counterparts(y: Tensor, d: Tensor, held_out: Tensor) -> dict[str, Tensor]:
    """``counterparts`` of the held-out cases that have one right answer: the means, ``[replicas]``; nan without any.

    y ``[cases, units, replicas]``, d ``[cases, units]``, held_out ``[cases, replicas or 1]``, bool.
    """
    single = (d > 0.5).sum(dim=1) == 1
    counted = (held_out & single.unsqueeze(1))[single].to(y.dtype)
    ratio, top = counterparts(y[single], d[single].argmax(dim=1))
    number = counted.expand(-1, y.shape[2]).sum(dim=0)
    return {
        "counterpart_ratio": (ratio * counted).sum(dim=0) / number,
        "counterpart_top": (top * counted).sum(dim=0) / number,
    }


def tells_sex(w: Tensor) -> Tensor:
    """Whether one unit of the relation code is devoted to the sex of person 2, as H p.8 has it, ``[replicas]``, bool.

    w ``[units, relations, replicas]``: one whose weights from the 12 relations have one sign where the answer is a man
    and the other where it is a woman. In the order of ``RELATIONS`` these alternate.
    """
    alternating = torch.tensor([1.0, -1.0], dtype=w.dtype, device=w.device).repeat(w.shape[1] // 2)
    signed = w.sign() * alternating.unsqueeze(1)
    return (signed.sum(dim=1).abs() == w.shape[1]).any(dim=0)


def code_columns(code: Tensor) -> dict[str, Tensor]:
    """What the units of a person code tell (F3, F5, F6), and how near people are to their counterparts (F4).

    code ``[people, units, replicas]``; ``[replicas]`` each.
    """
    found: dict[str, Tensor] = {}
    best: dict[str, Tensor] = {}
    for name in FEATURES:
        feature = feature_of(name).to(code.device)
        accuracies = unit_accuracies(code, feature)
        found |= {f"{name}_unit{u + 1}": accuracy for u, accuracy in enumerate(accuracies)}
        found[f"{name}_best"] = accuracies.amax(dim=0)
        best[name] = accuracies.argmax(dim=0)
        found[f"{name}_code"] = decoding_accuracy(code, feature)
    for name, part in (("twin", code), ("twin_by_others", without(code, best["nationality"]))):
        ranks = twin_rank(part).double()
        found |= {f"{name}_nearest": (ranks == 1).double().mean(dim=0), f"{name}_rank": ranks.mean(dim=0)}
    return found


def columns(trained: Trained) -> dict[str, Tensor]:
    """``Kinship``, counterparts, and what units have come to mean, ``[replicas]``; none where no case is held out."""
    if trained.held_out is None:
        return {}
    y, d, held_out = trained.y, trained.setup.task.desired, trained.held_out
    found = asdict(kinship(y, d, held_out)) | held_out_counterparts(y, d, held_out)
    weights = trained.population.weights
    if not has_person_code(trained.population):
        return found
    relations = weights.get(link_name("relation", "relation_code"))
    if relations is not None:
        found["relation_tells_sex"] = tells_sex(relations)
    code = person_code(Network(trained.setup.architecture, weights))
    shuffled = people_shuffled(trained.population.seeds).to(code.device)
    found |= code_columns(code)
    for name in FEATURES:
        found[f"{name}_shuffled"] = shuffled_accuracy(code, feature_of(name).to(code.device), shuffled)
    return found
