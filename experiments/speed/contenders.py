"""Ways of training the same population: ours, and what others would write. For ``experiments.speed.benchmark``."""

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments.options.load import load
from experiments.options.machine import cores
from experiments.options.setup import first_population, training_setup
from repro.choices import BackwardPass
from repro.networks import ALWAYS_ON, Architecture
from repro.population import Population
from repro.tasks import Task
from repro.training import Snapshot, train
from repro.training_setup import Criterion, Learning, TrainingSetup

Weights = dict[str, Tensor]
C_COMPILER = "cc"
C_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-fPIC", "-shared")


DISTINCT = 16_384
"""Networks that have first weights of their own; in a larger population they come again and again. To draw those of a
million takes longer than to train them."""


@dataclass(frozen=True)
class Work:
    """What is trained: the networks of an experiment, with the ε and α that it ends with, and none ever stops.

    setup, population: in the CPU's memory, float32; the population has DISTINCT networks at the most.
    device: where the contenders train it, ``"cpu"`` or ``"cuda"``.
    """

    experiment: str
    setup: TrainingSetup
    population: Population
    replicas: int
    device: str

    @property
    def architecture(self) -> Architecture:
        """Groups and links."""
        assert isinstance(self.setup.architecture, Architecture)
        return self.setup.architecture

    @property
    def task(self) -> Task:
        """The cases, on the device."""
        return self.setup.to(self.device, torch.float32).task

    def repeated(self, values: Tensor) -> Tensor:
        """Of every network in place of those that are distinct: along the last axis, on the device, a copy."""
        times = -(-self.replicas // values.shape[-1])
        repeats = (1,) * (values.ndim - 1) + (times,)
        return values.to(self.device).repeat(repeats)[..., : self.replicas].contiguous()

    def first_weights(self) -> Weights:
        """``[to, from, replicas]`` by link, on the device; each call gives tensors of its own."""
        return {key: self.repeated(w) for key, w in self.population.weights.items()}

    @property
    def rate(self) -> tuple[float, float]:
        """ε and α."""
        phase = self.setup.learning.phases[-1]
        return float(phase.epsilon), float(phase.alpha)


def work_of(experiment: str, replicas: int, device: str) -> Work:
    """The work of one line of the table."""
    config = load(experiment, f"population.seeds={min(replicas, DISTINCT)}")
    setup = training_setup(config)
    setup = TrainingSetup(
        setup.architecture,
        setup.task,
        Learning(setup.learning.phases[-1:], sweeps=10**9),
        Criterion(tolerance=1e-9, stop=False),
    )
    return Work(experiment, setup.to("cpu", torch.float32), first_population(config, setup), replicas, device)


class Ours:
    """``repro.training.train``, by one of its backward passes, compiled or not."""

    def __init__(self, work: Work, backward_pass: BackwardPass, compile: bool = False) -> None:
        self.work, self.backward_pass, self.compile = work, backward_pass, compile
        self.population = replace(
            work.population,
            seeds=range(work.replicas),
            weights=work.first_weights(),
            delta_w={key: work.repeated(last) for key, last in work.population.delta_w.items()},
            learned_at=work.repeated(work.population.learned_at),
            E=work.repeated(work.population.E),
        )
        self.every = 0
        self.snapshots: Iterator[Snapshot] = iter(())

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps. The same count again goes on in the same training, compiled once."""
        on_cpu = self.work.device == "cpu"
        torch.set_num_threads(1 if on_cpu else cores())
        if count != self.every:
            self.every = count
            workers = cores() if on_cpu else 1
            options = {"workers": workers, "ahead": 0}  # it is timed from one snapshot to the next
            self.snapshots = train(self.population, self.work.setup, count, self.backward_pass, self.compile, **options)
            next(self.snapshots)
        next(self.snapshots)
        torch.set_num_threads(cores())

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        return {key: w[..., :replicas] for key, w in self.population.weights.items()}


class Plain(nn.Module):
    """One network as most people would write it: a Linear layer and a Sigmoid for each group."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, Tensor], replica: int) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = nn.ModuleDict()
        for group in architecture.receiving:
            *links, bias = architecture.into(group)
            w = torch.cat([weights[link.key][..., replica] for link in links], dim=1)
            layer = nn.Linear(w.shape[1], w.shape[0], device=w.device)
            layer.weight.data, layer.bias.data = w.clone(), weights[bias.key][:, 0, replica].clone()
            self.layers[group] = layer

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Outputs ``[cases, units]``."""
        y = dict(inputs)
        for group in self.architecture.receiving:
            below = [y[link.source] for link in self.architecture.into(group) if link.source != ALWAYS_ON]
            y[group] = torch.sigmoid(self.layers[group](torch.cat(below, dim=1)))
        return y[self.architecture.output]


def by_link(architecture: Architecture, weight: Callable[[str], Any], bias: Callable[[str], Any]) -> Weights:
    """Layers taken apart again: weight and bias give a group's ``[replicas, to, from]`` and ``[replicas, to]``."""
    found: Weights = {}
    for group in architecture.receiving:
        *links, always = architecture.into(group)
        parts = torch.as_tensor(weight(group)).split([architecture.groups[link.source] for link in links], dim=2)
        found |= {link.key: part.permute(1, 2, 0) for link, part in zip(links, parts, strict=True)}
        found[always.key] = torch.as_tensor(bias(group)).T.unsqueeze(1)
    return found


class OneByOne:
    """``nn.Linear``, ``backward`` and ``torch.optim.SGD``, one network after the other."""

    def __init__(self, work: Work) -> None:
        self.work, (epsilon, alpha) = work, work.rate
        weights, self.task = work.first_weights(), work.task
        self.nets = [Plain(work.architecture, weights, r) for r in range(work.replicas)]
        self.rules = [torch.optim.SGD(net.parameters(), lr=epsilon, momentum=alpha) for net in self.nets]

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps."""
        for net, rule in zip(self.nets, self.rules, strict=True):
            for _ in range(count):
                rule.zero_grad()
                (0.5 * ((net(self.task.inputs) - self.task.desired) ** 2).sum()).backward()
                rule.step()

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        layers: list[dict[str, Any]] = [dict(net.layers.items()) for net in self.nets[:replicas]]
        return by_link(
            self.work.architecture,
            lambda group: torch.stack([layer[group].weight.detach() for layer in layers]),
            lambda group: torch.stack([layer[group].bias.detach() for layer in layers]),
        )


class TorchFunc:
    """``torch.func``: ``vmap`` of ``grad``, over the parameters stacked as ``stack_module_state`` does it."""

    def __init__(self, work: Work) -> None:
        self.work, weights, task = work, work.first_weights(), work.task
        base = Plain(work.architecture, weights, 0)
        self.params: Weights = {}
        for group in work.architecture.receiving:
            *links, bias = work.architecture.into(group)
            w = torch.cat([weights.pop(link.key) for link in links], dim=1)
            self.params[f"layers.{group}.weight"] = w.permute(2, 0, 1).contiguous()
            self.params[f"layers.{group}.bias"] = weights.pop(bias.key)[:, 0].T.contiguous()
        self.changes = {key: torch.zeros_like(value) for key, value in self.params.items()}

        def E(params: dict[str, Tensor]) -> Tensor:
            y: Tensor = torch.func.functional_call(base, params, (task.inputs,))
            return 0.5 * ((y - task.desired) ** 2).sum()

        self.gradient = torch.func.vmap(torch.func.grad(E))

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps."""
        epsilon, alpha = self.work.rate
        for _ in range(count):
            for key, g in self.gradient(self.params).items():
                self.changes[key].mul_(alpha).sub_(g, alpha=epsilon)
                self.params[key].add_(self.changes[key])

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        params = {key: value[:replicas] for key, value in self.params.items()}
        return by_link(
            self.work.architecture, lambda g: params[f"layers.{g}.weight"], lambda g: params[f"layers.{g}.bias"]
        )


class NumPy:
    """NumPy, replicas first, the backward pass by hand."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.w = {key: w.permute(2, 0, 1).contiguous().numpy() for key, w in work.first_weights().items()}
        self.change = {key: np.zeros_like(w) for key, w in self.w.items()}
        self.inputs = {key: value.numpy()[None] for key, value in work.task.inputs.items()}
        self.d = work.task.desired.numpy()[None]

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps."""
        net, (epsilon, alpha) = self.work.architecture, map(np.float32, self.work.rate)
        for _ in range(count):
            y = {**self.inputs, ALWAYS_ON: np.ones((1, len(self.d[0]), 1), np.float32)}
            for group in net.receiving:
                x = sum(y[link.source] @ self.w[link.key].transpose(0, 2, 1) for link in net.into(group))
                y[group] = 1 / (1 + np.exp(-x))
            dE_dx: dict[str, Any] = {}
            for group in reversed(net.receiving):
                if group == net.output:
                    dE_dy = y[group] - self.d
                else:
                    dE_dy = sum(dE_dx[link.target] @ self.w[link.key] for link in net.out_of(group))
                dE_dx[group] = dE_dy * y[group] * (1 - y[group])
            for link in net.all_links:
                g = dE_dx[link.target].transpose(0, 2, 1) @ y[link.source]
                self.change[link.key] = alpha * self.change[link.key] - epsilon * g
                self.w[link.key] = self.w[link.key] + self.change[link.key]

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        return {key: torch.as_tensor(w[:replicas]).permute(1, 2, 0) for key, w in self.w.items()}


def c_library(source: str) -> ctypes.CDLL:
    """A C file of this folder, compiled for this processor: products and sums become fused multiply-adds."""
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "library.so"
        subprocess.run([C_COMPILER, *C_FLAGS, "-o", library, Path(__file__).with_name(source)], check=True)
        return ctypes.CDLL(str(library))


class ByHand:
    """Plain C, ``by_hand.c``, built on the spot."""

    def __init__(self, work: Work) -> None:
        net, self.work = work.architecture, work
        self.library = c_library("by_hand.c")
        self.lanes = self.library.lanes()
        groups = [*net.inputs, *net.receiving, ALWAYS_ON]
        self.units = np.array([net.groups.get(group, 1) for group in groups], np.int32)
        ends = np.cumsum([0, *(to * source for to, source in net.weight_shapes.values())])
        self.at = dict(zip(net.weight_shapes, ends, strict=False))
        links = [(groups.index(link.source), groups.index(link.target), self.at[link.key]) for link in net.all_links]
        self.links = np.array(links, np.int32)
        lots = -(-work.replicas // self.lanes)
        flat = torch.cat([w.flatten(0, 1) for w in work.first_weights().values()])
        flat = torch.nn.functional.pad(flat, (0, lots * self.lanes - work.replicas))
        self.w = flat.reshape(net.weight_count, lots, self.lanes).transpose(0, 1).contiguous().numpy()
        self.change = np.zeros_like(self.w)
        self.inputs = [work.task.inputs[group].contiguous().numpy() for group in net.inputs]
        self.d = work.task.desired.contiguous().numpy()

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps."""
        net, (epsilon, alpha) = self.work.architecture, self.work.rate
        pointers = (ctypes.c_void_p * len(self.inputs))(*(values.ctypes.data for values in self.inputs))
        sizes = count, len(self.w), len(self.units) - 1, self.units.ctypes, len(self.inputs), len(self.links)
        task = self.links.ctypes, net.weight_count, len(self.d), pointers, self.d.ctypes
        rate = ctypes.c_float(epsilon), ctypes.c_float(alpha)
        self.library.train(*sizes, *task, *rate, self.w.ctypes, self.change.ctypes)

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        flat = torch.as_tensor(self.w).transpose(0, 1).flatten(1)[:, :replicas]
        shapes = self.work.architecture.weight_shapes
        return {
            key: flat[at : at + to * source].unflatten(0, (to, source))
            for (key, (to, source)), at in zip(shapes.items(), self.at.values(), strict=True)
        }


class Jax:
    """JAX: ``vmap`` of ``grad``, all sweeps in one ``lax.scan``, compiled, on the same device and in full float32.

    Raises RuntimeError where JAX has no such device.
    """

    def __init__(self, work: Work) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_platforms", work.device)
        jax.config.update("jax_default_matmul_precision", "highest")
        self.work, net, (epsilon, alpha) = work, work.architecture, work.rate
        there = jax.devices(work.device)[0]
        first = {key: jax.device_put(w.permute(2, 0, 1).numpy(), there) for key, w in work.population.weights.items()}
        self.w = {key: jnp.resize(w, (work.replicas, *w.shape[1:])) for key, w in first.items()}
        self.change = jax.tree.map(jnp.zeros_like, self.w)
        inputs = {key: jnp.asarray(value.numpy()) for key, value in work.setup.task.inputs.items()}
        d = jnp.asarray(work.setup.task.desired.numpy())

        def E(w: dict[str, Any]) -> Any:
            y = {**inputs, ALWAYS_ON: jnp.ones((len(d), 1))}
            for group in net.receiving:
                y[group] = jax.nn.sigmoid(sum(y[link.source] @ w[link.key].T for link in net.into(group)))
            return 0.5 * ((y[net.output] - d) ** 2).sum()

        gradient = jax.vmap(jax.grad(E))

        def one(state: Any, _: None) -> tuple[Any, None]:
            w, change = state
            change = jax.tree.map(lambda v, g: alpha * v - epsilon * g, change, gradient(w))
            return (jax.tree.map(jnp.add, w, change), change), None

        def scan(state: Any, count: int) -> Any:
            return jax.lax.scan(one, state, None, count)[0]

        self.jitted = jax.jit(scan, static_argnums=1)
        self.programs: dict[int, Any] = {}

    def sweep(self, count: int) -> None:
        """Train on by ``count`` sweeps. Each count is compiled once."""
        state = self.w, self.change
        if count not in self.programs:
            self.programs[count] = self.jitted.lower(state, count).compile()
        self.w, self.change = self.programs[count](state)
        for value in self.w.values():
            value.block_until_ready()

    def planned_bytes(self) -> int:
        """What the largest of its programs takes: arguments, results and all in between, as the compiler planned it."""
        largest = 0
        for program in self.programs.values():
            plan = program.memory_analysis()
            total = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
            largest = max(largest, int(total - plan.alias_size_in_bytes))
        return largest

    def weights(self, replicas: int) -> Weights:
        """Those of the first so many networks, ``[to, from, replicas]`` by link."""
        return {key: torch.tensor(np.asarray(w[:replicas])).permute(1, 2, 0) for key, w in self.w.items()}
