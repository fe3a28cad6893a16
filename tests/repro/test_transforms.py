"""Which of PyTorch's modes the Functions support: docs/transforms.md, one test a row.

A hand-written backward pass that PyTorch drops cannot be noticed while it is right, since PyTorch's own gives
the same numbers. So a canary, the same Function with a backward pass 100 times too large, runs in every mode.
"""

import dataclasses
import re
from pathlib import Path

import pytest
import torch
from torch._dynamo.exc import Unsupported

import tests.repro.test_equations
from repro import networks
from repro.equations import Logistic, SquaredError, TotalInput
from repro.networks import Architecture, Network, error
from tests.gradients import FUNCTIONS, each_function, inputs_of, plain, wrong

HUNDRED = 100.0

# torch.compile breaks the graph at a Function that has a jvp, and looks at .grad of what it then passes on.
quiet_compile = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")

each_backend = pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])


def loss(function):
    """A scalar that depends on every element, of a Function or of a plain formula."""

    def of(*inputs):
        return function(*inputs).pow(2).sum()

    return of


def right_gradients(function):
    twins = inputs_of(function)
    return torch.autograd.grad(loss(plain(function))(*twins), twins)


def assert_times(found, right, factor):
    """Every gradient is ``factor`` times the right one."""
    for one, other in zip(found, right, strict=True):
        assert other.abs().max() > 0.1
        torch.testing.assert_close(one, factor * other, rtol=1e-12, atol=1e-12)


def eager(function, inputs):
    return torch.autograd.grad(loss(function.apply)(*inputs), inputs)


def func_grad(function, inputs):
    every = tuple(range(len(inputs)))
    return torch.func.grad(loss(function.apply), argnums=every)(*(t.detach() for t in inputs))


def vmap_grad(function, inputs):
    """Two members: the arguments, and the arguments halved. Gives the first's, once the second's has been checked."""
    every = tuple(range(len(inputs)))
    members = [torch.stack([t, t / 2]).detach() for t in inputs]
    found = torch.func.vmap(torch.func.grad(loss(function.apply), argnums=every))(*members)
    for position, second in enumerate(eager(function, [(t / 2).detach().requires_grad_() for t in inputs])):
        torch.testing.assert_close(found[position][1], second, rtol=1e-12, atol=1e-12)
    return [g[0] for g in found]


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


modes = pytest.mark.parametrize("mode", [eager, func_grad, vmap_grad], ids=lambda f: f.__name__)


@modes
@each_function
def test_func_grad_and_vmap(function, mode):
    assert_times(mode(function, inputs_of(function)), right_gradients(function), 1)


@modes
@each_function
def test_canary_is_seen(function, mode):
    assert_times(mode(wrong(function, HUNDRED), inputs_of(function)), right_gradients(function), HUNDRED)


@modes
@pytest.mark.parametrize(("function", "argument"), [(TotalInput, 0), (SquaredError, 0), (SquaredError, 1)])
def test_func_grad_of_an_argument_shared_by_all_replicas(function, argument, mode):
    inputs = list(inputs_of(function))
    inputs[argument] = inputs[argument].detach()[..., :1].requires_grad_()
    right = torch.autograd.grad(loss(plain(function))(*inputs), inputs)
    found = mode(function, inputs)
    assert [g.shape for g in found] == [t.shape for t in inputs]
    assert_times(found, right, 1)


@each_function
def test_func_vmap(function):
    members = [torch.stack([t, -t]).detach() for t in inputs_of(function)]
    found = torch.func.vmap(function.apply)(*members)
    one_by_one = torch.stack([function.apply(*(m[k] for m in members)) for k in (0, 1)])
    torch.testing.assert_close(found, one_by_one, rtol=0, atol=1e-14)


@each_function
def test_func_jvp(function):
    inputs = tuple(t.detach() for t in inputs_of(function))
    changes = tuple(t.detach() for t in inputs_of(function, seed=1))
    value, change = torch.func.jvp(function.apply, inputs, changes)
    expected, expected_change = torch.func.jvp(plain(function), inputs, changes)
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(change, expected_change, rtol=1e-13, atol=1e-13)
    _, canary = torch.func.jvp(wrong(function, HUNDRED).apply, inputs, changes)
    torch.testing.assert_close(canary, HUNDRED * expected_change, rtol=1e-12, atol=1e-12)


@each_function
def test_func_hessian(function):
    """torch.func.hessian is forward mode over the backward pass; jacrev twice is the backward pass twice."""
    inputs = tuple(t.detach() for t in inputs_of(function))
    every = tuple(range(len(inputs)))
    expected = torch.func.hessian(loss(plain(function)), argnums=every)(*inputs)
    for found in (
        torch.func.hessian(loss(function.apply), argnums=every)(*inputs),
        torch.func.jacrev(torch.func.jacrev(loss(function.apply), argnums=every), argnums=every)(*inputs),
    ):
        for a in every:
            for b in every:
                torch.testing.assert_close(found[a][b], expected[a][b], rtol=1e-12, atol=1e-12)


@quiet_compile
@each_backend
@each_function
@pytest.mark.usefixtures("fresh_compiler")
def test_compile_then_backward(function, backend):
    for chosen, factor in ((function, 1), (wrong(function, HUNDRED), HUNDRED)):
        inputs = inputs_of(function)
        torch.compile(loss(chosen.apply), backend=backend)(*inputs).backward()
        assert_times([t.grad for t in inputs], right_gradients(function), factor)


@each_function
@pytest.mark.usefixtures("fresh_compiler")
def test_compile_fullgraph_is_refused(function):
    """Not offered: torch 2.13 traces no Function that has a jvp. When this fails, torch has learned to: offer it."""
    with pytest.raises(Unsupported, match="jvp"):
        torch.compile(function.apply, backend="aot_eager", fullgraph=True)(*inputs_of(function))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch itself does
@quiet_compile
@each_function
@pytest.mark.parametrize("fullgraph", [False, True])
@pytest.mark.usefixtures("fresh_compiler")
def test_compile_of_func_grad_drops_the_backward(function, fullgraph):
    """Not offered: torch 2.13 runs its own backward pass there (pytorch #193279, #192985), so the canary is lost.

    The numbers of a right Function are right all the same. When this fails, torch has mended it: offer it.
    """
    every = tuple(range(len(inputs_of(function))))
    inputs = tuple(t.detach() for t in inputs_of(function))
    for chosen in (function, wrong(function, HUNDRED)):
        of = torch.func.grad(loss(chosen.apply), argnums=every)
        found = torch.compile(of, backend="aot_eager", fullgraph=fullgraph)(*inputs)
        assert_times(found, right_gradients(function), 1)


def test_autocast_changes_nothing():
    """There is no matrix product for it to make bfloat16 of."""
    found = []
    for enabled in (False, True):
        y, w = inputs_of(TotalInput, torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            x = TotalInput.apply(y.detach()[..., :1], w)
            x.sum().backward()
        found.append((x, w.grad))
    (plain, plain_grad), (cast, cast_grad) = found
    assert cast.dtype == cast_grad.dtype == torch.float32
    assert cast.equal(plain)
    assert cast_grad.equal(plain_grad)


XOR_NET = Architecture({"input": 2, "hidden": 1, "output": 1}, {"hidden": ["input"], "output": ["hidden", "input"]})
INPUTS = {"input": torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)}
DESIRED = torch.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=torch.float64)


def output_bias_gradient(network, forward):
    network.zero_grad()
    error(forward(INPUTS), DESIRED).sum().backward()
    return network.weights["bias->output"].grad.clone()


def a_network():
    generator = torch.Generator().manual_seed(0)
    shapes = XOR_NET.weight_shapes.items()
    return Network(XOR_NET, {k: torch.randn(*s, 3, generator=generator, dtype=torch.float64) for k, s in shapes})


def with_wrong(name, monkeypatch):
    """Put a canary in the place of one of the three Functions that a network runs."""
    if name == "Logistic":
        canary = dataclasses.replace(networks.LOGISTIC, apply=wrong(Logistic, HUNDRED).apply)
        monkeypatch.setattr(networks, "LOGISTIC", canary)
    else:
        monkeypatch.setattr(networks, name, wrong(getattr(networks, name), HUNDRED))


@quiet_compile
@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("name", ["TotalInput", "Logistic", "SquaredError"])
def test_canary_in_a_whole_network(monkeypatch, name):
    """Each of the three Functions lies on the way back from E to a weight, eager and compiled."""
    network = a_network()
    right = output_bias_gradient(network, network)
    with_wrong(name, monkeypatch)
    for forward in (network, torch.compile(network, backend="aot_eager")):
        torch.testing.assert_close(output_bias_gradient(network, forward), HUNDRED * right, rtol=1e-12, atol=0)


def test_canary_differs_in_its_gradient_only():
    (x,) = inputs_of(Logistic)
    assert wrong(Logistic, HUNDRED).apply(x).equal(Logistic.apply(x))


# The table --------------------------------------------------------------------------------------------------

TABLE = Path(__file__).parents[2] / "docs" / "transforms.md"


def rows():
    lines = [line.strip("| \n").split("|") for line in TABLE.read_text().splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip() for cell in line] for line in lines]
    return head, body


def test_table_names_the_three_functions():
    head, body = rows()
    assert head[1:4] == [function.__name__ for function in FUNCTIONS]
    assert len(body) >= 14
    assert all(len(row) == len(head) for row in body)


@pytest.mark.parametrize("row", rows()[1], ids=lambda row: row[0])
def test_each_entry_of_the_table_has_its_test(row):
    """The test in the last column exists, and runs for each Function that the row answers for."""
    head, _ = rows()
    names = re.findall(r"`(test_\w+)`", row[-1])
    assert names, f"{row[0]}: no test is named"
    for name in names:
        test = globals().get(name) or getattr(tests.repro.test_equations, name, None)
        assert test is not None, f"{row[0]}: there is no {name}"
        tried = [
            getattr(value, "__name__", value)
            for mark in getattr(test, "pytestmark", [])
            if mark.name == "parametrize" and mark.args[0] == "function"
            for value in mark.args[1]
        ]
        answered = [head[n] for n in (1, 2, 3) if row[n] != "-"]
        assert set(answered) <= set(tried or ["TotalInput"]), f"{row[0]}: {name} is not run for all of {answered}"
