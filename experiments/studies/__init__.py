"""Questions that take more than one run: one file a question, and the grids of settings."""
