"""Tests. Each file mirrors a module; ``reference`` and ``gradients`` are what they compare with."""
