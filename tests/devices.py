"""Devices that this machine need not have, and what shows that nobody waits for one."""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from repro.networks import Architecture
from repro.population import Population


class AllGo:
    """Stands for ``population.learned`` where no replica has met the criterion: ``everyone[~met]`` is everyone.

    Which replicas go on is the one question that a training asks the device, at each snapshot.
    """

    def __invert__(self):
        return ...


class Unread(Population):
    """A population whose values are never read by the host."""

    learned = AllGo()


def on(device: str, architecture: Architecture, replicas: int) -> Unread:
    """Without values: the meta device, and fake tensors, have none."""
    weights = {key: torch.empty(*shape, replicas, device=device) for key, shape in architecture.weight_shapes.items()}
    return Unread(
        architecture=architecture,
        seeds=tuple(range(replicas)),
        weights=weights,
        delta_w={key: torch.empty_like(w) for key, w in weights.items()},
        learned_at=torch.empty(replicas, dtype=torch.int32, device=device),
        E=torch.empty(replicas, device=device),
    )


class ByOperators(TorchFunctionMode):
    """``t[...]``, copies and ~ by torch's operators: a torch without CUDA refuses these for a fake CUDA tensor."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.copy_:
            return torch.ops.aten.copy_(*args)
        if func is torch.Tensor.__invert__:
            return torch.ops.aten.bitwise_not(*args)
        if func is torch.Tensor.to and isinstance(args[1], torch.Tensor):
            return torch.ops.aten.to(*args)
        if func not in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            return func(*args, **(kwargs or {}))
        t, index = args[0], args[1] if isinstance(args[1], tuple) else (args[1],)
        if ... in index:
            at, missing = index.index(...), t.ndim + 1 - len([i for i in index if i is not None])
            index = index[:at] + (slice(None),) * missing + index[at + 1 :]
        dim, tensors = 0, []
        for i in index:
            if isinstance(i, int):
                t = torch.select(t, dim, i)
                continue
            if i is None:
                t = torch.unsqueeze(t, dim)
            elif isinstance(i, slice):
                t = torch.ops.aten.slice(t, dim, i.start, i.stop, i.step or 1)
            tensors.append(i if isinstance(i, torch.Tensor) else None)
            dim += 1
        if func is torch.Tensor.__setitem__:
            return torch.ops.aten.index_put_(t, tensors, args[2])
        return torch.ops.aten.index(t, tensors) if any(i is not None for i in tensors) else t


class HostReads(TorchDispatchMode):
    """Counts the operations that wait for a value of the device."""

    names = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "item", "masked_select")

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.overloadpacket.__name__ in self.names or any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool
            for index in (args[1] if func.overloadpacket is torch.ops.aten.index and len(args) > 1 else ())
        )
        return func(*args, **(kwargs or {}))
