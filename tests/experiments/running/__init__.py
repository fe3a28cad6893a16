"""Tests of ``experiments.running``."""
