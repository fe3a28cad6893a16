"""Tests of ``experiments.speed``."""
