"""One thread an operation: the tensors here are small, and threads that wait for a busy core cost 10 times as much."""

import torch

torch.set_num_threads(1)
