"""One thread an operation: the tensors here are small, and threads that wait for a busy core cost 10 times as much."""

import os

import pytest
import torch

from repro import backends
from repro.machine_code import build

torch.set_num_threads(1)

NO_COMPILER = build.compiler_lacking()
"""Why this machine cannot make machine code; None: it can."""


def pytest_configure(config):
    """What tests compile is kept for the next time, apart from what their user has compiled."""
    if hasattr(config, "cache"):  # which -p no:cacheprovider leaves out
        os.environ["BACKPROP_1986_CACHE"] = str(config.cache.mkdir("machine_code"))


def without_a_compiler_skipped(item):
    """Where nothing can be compiled, a test or fixture that ends by that skips, and says so."""
    try:
        return (yield)
    except BaseException as problem:
        if NO_COMPILER and any(map(wants_a_compiler, chained(problem))):
            pytest.skip(NO_COMPILER)
        raise


def chained(problem):
    """The exception, and those that it came after."""
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def wants_a_compiler(problem):
    return isinstance(problem, build.BuildError) or getattr(problem, "filename", None) == build.compiler()


pytest_runtest_setup = pytest.hookimpl(wrapper=True)(without_a_compiler_skipped)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(without_a_compiler_skipped)


@pytest.fixture
def no_graph(monkeypatch):
    """In place of a CUDA graph: the sweep itself, each time."""
    monkeypatch.setattr(backends, "cuda_graph", lambda work, device: work)
