"""One thread an operation: the tensors here are small, and threads that wait for a busy core cost 10 times as much."""

import os

import pytest
import torch

from repro import backends

torch.set_num_threads(1)


def pytest_configure(config):
    """What tests compile is kept for the next time, apart from what their user has compiled."""
    if hasattr(config, "cache"):  # which -p no:cacheprovider leaves out
        os.environ["BACKPROP_1986_CACHE"] = str(config.cache.mkdir("machine_code"))


@pytest.fixture
def no_graph(monkeypatch):
    """In place of a CUDA graph: the sweep itself, each time."""
    monkeypatch.setattr(backends, "cuda_graph", lambda work, device: work)
