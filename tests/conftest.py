"""One thread an operation: the tensors here are small, and threads that wait for a busy core cost 10 times as much."""

import pytest
import torch

from repro import backends

torch.set_num_threads(1)


@pytest.fixture
def no_graph(monkeypatch):
    """In place of a CUDA graph: the sweep itself, each time."""
    monkeypatch.setattr(backends, "cuda_graph", lambda work, device: work)
