"""Tests of ``repro.tasks``."""
