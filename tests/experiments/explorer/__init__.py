"""Tests of ``experiments.explorer``."""
