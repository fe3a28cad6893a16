"""Tests of ``repro``."""
