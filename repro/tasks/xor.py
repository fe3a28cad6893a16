"""Exclusive-or (P p.330): two inputs; the output is on when exactly one of them is."""

from repro.tasks.task import Task, binary_vectors, bit_names


def xor() -> Task:
    """The 4 cases 00, 01, 10, 11 of the group ``input`` (2 units); 1 output unit."""
    vectors = binary_vectors(2)
    desired = (vectors.sum(dim=1, keepdim=True) == 1).to(vectors.dtype)
    return Task("xor", {"input": vectors}, desired, bit_names(vectors))
