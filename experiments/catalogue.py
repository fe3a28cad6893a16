"""Which experiments are published, over how many seeds, and where."""

from pathlib import Path

from experiments.schema import CONFIGS

RESULTS: Path = CONFIGS.parent / "results"

PUBLISHED: dict[str, int] = {
    "symmetry": 5_000,
    "symmetry_soft_targets": 5_000,
    "symmetry_no_hidden": 1_000,
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

BENCHMARK = "benchmark.csv"
"""The speeds that ``experiments.benchmark`` found, in results/."""

STUDY, STUDY_SEEDS = "family_trees_readings", 1_000
"""The experiment that takes longer than all others together: run only where it is named."""
