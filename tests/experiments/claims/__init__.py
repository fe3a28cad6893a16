"""Tests of ``experiments.claims``."""
