"""Tests of launching and reporting, as a user meets them. Each file mirrors a module of ``experiments``."""
