"""Tests of ``experiments.options``."""
