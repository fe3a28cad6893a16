"""Tests of ``experiments.pages``."""
