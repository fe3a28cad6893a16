"""Tests of ``experiments.studies``."""
