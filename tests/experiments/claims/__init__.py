"""Tests of ``experiments.claims.ledger``."""
