"""Tests of ``experiments.explorer.data``."""
