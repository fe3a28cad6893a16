"""Call the machine code of a set-up."""

from __future__ import annotations

import ctypes
import functools
import math
import threading
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from repro.machine_code import build
from repro.machine_code.program import Layout, Program, of_setup, source
from repro.sweeps import State
from repro.training_setup import TrainingSetup

WORTH_COMPILING = 5.0
"""Seconds that the few replicas that are left must save with their cases in the lanes for one more compiling to pay."""

PRODUCTS_A_SECOND = 1e9
"""Of a vector of replicas, roughly."""


class MachineCode:
    """The sweeps of a set-up. What is compiled is compiled when it is first needed; each layout has the same numbers.

    A replica's numbers are the same to the last bit whatever the other replicas are, and on every processor with fused
    multiply-adds.
    """

    def __init__(
        self,
        program_of: Callable[[bool], Program],
        dtype: torch.dtype,
        cases: int,
        products: int,
        in_turn: bool = False,
    ) -> None:
        """program_of: by whether the cases that count are told for each replica. products: of a replica's sweep.

        in_turn: the weights change after every case, so that cases cannot lie side by side.
        """
        self.program_of, self.dtype, self.cases, self.in_turn = program_of, dtype, cases, in_turn
        self.made: dict[tuple[Layout, bool], Callable[..., int]] = {}
        self.lock = threading.Lock()
        self.products = products

    @classmethod
    def of(cls, setup: TrainingSetup) -> MachineCode:
        """That of a set-up."""
        cases = len(setup.desired)
        products = 3 * cases * setup.architecture.weight_count
        program_of = functools.partial(of_setup, setup)
        return cls(program_of, setup.task.desired.dtype, cases, products, setup.learning.per_case)

    def __call__(
        self, state: State, begin: int, ends: Sequence[int], numbers: Sequence[Tensor], included: Tensor | None
    ) -> tuple[State, Tensor]:
        """The state after the sweeps from ``begin`` to the last of ``ends``, with learned_at up to date, and E at each.

        E is ``[ends, replicas]``.

        The weights and their last changes are changed in place. They may be a part of the replicas of larger tensors,
        which is a slice of their last axis.
        numbers: ε, α, and the decay where there is any, float64, ``[]`` or ``[replicas]``.
        """
        R = len(state.learned_at)
        changed = [*state.w.values(), *state.delta_w.values()]
        learned_at, E = torch.empty_like(state.learned_at), changed[0].new_empty(len(ends), R)
        each = [number.expand(R).contiguous() for number in numbers]
        counts = None if included is None else included.expand(-1, 1, R).contiguous()
        function = self._function(self._layout(R, ends[-1] - begin, counts is not None), counts is not None)
        failed = function(
            *(_pointers(changed), _strides(changed), _at(state.learned_at.contiguous()), _at(learned_at), _at(E)),
            *(_pointers(each), None if counts is None else _at(counts)),
            *(ctypes.c_long(R), ctypes.c_long(begin), (ctypes.c_long * len(ends))(*ends), ctypes.c_long(len(ends))),
        )
        if failed:
            raise MemoryError("no room for the sweeps of one vector of replicas")
        return State(state.w, state.delta_w, learned_at, torch.full_like(state.done, ends[-1])), E

    def _layout(self, replicas: int, sweeps: int, included: bool) -> Layout:
        """Which layout is the faster. One more is not compiled for a little."""
        if self.in_turn:
            return Layout.replicas
        cases, widest = self.cases, widest_vector(self.dtype)
        in_replicas = math.ceil(replicas / widest) * cases
        in_cases = 1.5 * replicas * math.ceil(cases / widest)
        if in_cases >= in_replicas:
            return Layout.replicas
        if (Layout.replicas, included) not in self.made or (Layout.cases, included) in self.made:
            return Layout.cases
        saved = (in_replicas - in_cases) / cases * sweeps * self.products / PRODUCTS_A_SECOND
        return Layout.cases if saved > WORTH_COMPILING else Layout.replicas

    def _function(self, layout: Layout, included: bool) -> Callable[..., int]:
        with self.lock:
            if (layout, included) not in self.made:
                text = source(self.program_of(included), layout, 32 if widest_vector(torch.float32) == 16 else 16)
                library = build.library(text, "float" if self.dtype == torch.float32 else "double")
                self.made[layout, included] = library.train
            return self.made[layout, included]


def widest_vector(dtype: torch.dtype) -> int:
    """How many numbers the processor's widest vector has."""
    capability = torch.backends.cpu.get_cpu_capability()
    return {"AVX512": 64, "AVX2": 32}.get(capability, 16) // dtype.itemsize


def _at(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def _strides(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_long]:
    """How far it is from one weight to the next, in each of ``[to, source, replicas]``."""
    for tensor in tensors:
        to, source, each = tensor.stride()
        if each != 1 or to != source * tensor.shape[1]:
            raise ValueError(f"strides {tensor.stride()}: not a slice of the last axis")
    return (ctypes.c_long * len(tensors))(*(tensor.stride(1) for tensor in tensors))
