"""Launching experiments and reporting what they found. Start with ``run``."""
