"""What is published: which experiments, over how many seeds, and where."""

from pathlib import Path

from experiments.options.schema import CONFIGS

RESULTS: Path = CONFIGS.parent / "results"

PUBLISHED: dict[str, int] = {
    "symmetry": 5_000,
    "symmetry_soft_targets": 5_000,
    "symmetry_no_hidden": 1_000,
    "symmetry_equal_start": 16,
    "xor": 5_000,
    "xor_2_2_1": 5_000,
    "xor_2_2_1_fast": 5_000,
    "xor_from_minimum": 1_000,
    "xor_from_minimum_fast": 1_000,
    "xor_from_minimum_per_case": 1_000,
    "parity": 1_000,
    "parity_per_case": 1_000,
    "encoder": 1_000,
    "encoder_slow": 1_000,
    "family_trees": 1_000,
    "family_trees_learned": 2_000,
    "family_trees_h_answers": 1_000,
    "family_trees_h_split": 1_000,
}
"""How many seeds of each experiment the published tables count."""

STUDIES: dict[str, int] = {
    "symmetry_depth": 100,
    "family_trees_rules": 100,
    "symmetry_connections": 1_000,
    "symmetry_functions": 500,
    "symmetry_rules": 1_000,
    "xor_connections": 2_000,
    "xor_functions": 1_000,
    "xor_rules": 1_000,
    "xor_hidden_units": 500,
    "xor_learning_rate": 1_000,
}
"""The same, for the experiments that sweep over settings: seeds of each setting."""

SCRIPTS: dict[str, float] = {
    "iterative": 60.0,
    "attention": 180.0,
    "stuck": 100.0,
    "second_derivatives": 30.0,
    "no_hidden": 5.0,
    "chain_rule": 40.0,
}
"""Modules of ``experiments`` that measure what is no training of a population: seconds that each takes, roughly."""

BENCHMARK = "benchmark.csv"
"""The speeds that ``experiments.speed.benchmark`` found, in results/."""

LOGGING_COST = "logging_cost.csv"
"""What TensorBoard costs a run, as ``experiments.speed.logging_cost`` found it, in results/."""

READINGS, READINGS_SEEDS = "family_trees_readings", 1_000
"""The study that takes longer than all others together: run only where it is named."""

SEARCH, GROWTH, KEPT, BALANCE = (f"family_trees_{of}.csv" for of in ("search", "growth", "kept", "balance"))
"""Tables of the family trees that are not called after what makes them: ``studies.family_trees_search`` the first,
``studies.family_trees_plateau`` the others."""
