"""What one sweep of one network has to reckon, counted from its groups, links and cases: nothing is timed here."""

from dataclasses import dataclass

from repro.networks import ALWAYS_ON, Architecture
from repro.output_functions import LOGISTIC
from repro.tasks import Task


@dataclass(frozen=True)
class Arithmetic:
    """Of a sweep with one weight change at its end.

    multiply_adds: products that are added to a sum, each one; what only multiplies or only adds counts as one too, the
        1 + exp(-x) and 1 - y of (2) and (5) among it.
    without_zeros: the same where (1) and (6) leave out every input that is 0.
    exponentials: one for each logistic unit and case; each is followed by a division.
    """

    multiply_adds: int
    without_zeros: int
    exponentials: int


def of_a_sweep(architecture: Architecture, task: Task) -> Arithmetic:
    """(1) to (9) through all cases: (1), (6) and (7) for each weight, the others for each unit or weight change."""
    cases = len(task.cases)
    dense = sparse = 0
    for link in architecture.all_links:
        to, source = architecture.groups[link.target], architecture.groups.get(link.source, 1)
        if link.source == ALWAYS_ON or link.source not in architecture.inputs:
            inputs = cases * source
        else:
            inputs = int((task.inputs[link.source] != 0).sum())
        above = link.source != ALWAYS_ON and link.source not in architecture.inputs
        dense += (2 + above) * cases * source * to
        sparse += 2 * inputs * to + above * cases * source * to
    units = {group: cases * architecture.groups[group] for group in architecture.receiving}
    logistic = sum(count for group, count in units.items() if architecture.function(group) is LOGISTIC)
    rest = logistic + units[architecture.output] + 2 * sum(units.values()) + 3 * architecture.weight_count
    return Arithmetic(dense + rest, sparse + rest, logistic)
