"""Symmetry (N p.534, Fig. 1): is the binary vector the same read backwards?"""

from repro.tasks.task import Task, binary_vectors, bit_names


def symmetry(length: int = 6) -> Task:
    """All 2^length vectors of the group ``input``; 1 output unit, on for the 2^(length/2) symmetric ones.

    Raises ValueError for an odd length or one below 2.
    """
    if length < 2 or length % 2:
        raise ValueError(f"symmetry of {length} units: the length must be even and at least 2")
    vectors = binary_vectors(length)
    desired = (vectors == vectors.flip(1)).all(dim=1, keepdim=True).to(vectors.dtype)
    return Task("symmetry", {"input": vectors}, desired, bit_names(vectors))
