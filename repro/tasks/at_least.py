"""At least so many of the inputs: what needs no hidden units, as AND, OR and a majority."""

from repro.tasks.task import Task, binary_vectors, bit_names


def at_least(on: int, length: int) -> Task:
    """All 2^length vectors of the group ``input``; 1 output unit, on where at least ``on`` of the inputs are.

    AND is at_least(2, 2), OR is at_least(1, 2). Weights of 1 and a bias of ½ - on do it, without hidden units.
    Raises ValueError for ``on`` outside 1 to length.
    """
    if not 1 <= on <= length:
        raise ValueError(f"at least {on} of {length} units: must be from 1 to the number of units")
    vectors = binary_vectors(length)
    desired = (vectors.sum(dim=1, keepdim=True) >= on).to(vectors.dtype)
    return Task(f"at least {on} of {length}", {"input": vectors}, desired, bit_names(vectors))
