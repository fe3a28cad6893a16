"""Tests of ``repro.measures.symmetry``."""
