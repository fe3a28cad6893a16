"""Tests of ``repro.measures``."""
