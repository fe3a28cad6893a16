"""Tests of ``experiments.studies.grids``."""
