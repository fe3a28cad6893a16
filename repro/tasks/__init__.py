"""What the networks learn: one file a task, each a pure function that returns a ``Task``."""

from repro.tasks.task import Task

__all__ = ["Task"]
