"""Parity (P p.334): is the number of inputs that are on odd?"""

from repro.tasks.task import Task, binary_vectors, bit_names


def parity(length: int = 4) -> Task:
    """All 2^length vectors of the group ``input``; 1 output unit, on for the half with an odd number of ones.

    Length 2 is exclusive-or. Raises ValueError for a length below 2.
    """
    if length < 2:
        raise ValueError(f"parity of {length} units: the length must be at least 2")
    vectors = binary_vectors(length)
    desired = vectors.sum(dim=1, keepdim=True) % 2
    return Task("parity", {"input": vectors}, desired, bit_names(vectors))
