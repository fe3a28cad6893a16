"""Faults planted one at a time in a copy of the project: the tests named for each have to fail, and to pass without it.

``python -m tests.planted`` plants them all, ``python -m tests.planted NAME ...`` some; ``--list`` names them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
PYTEST = ("-m", "pytest", "-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "--no-header", "--tb=line")
PASSED, FAILED = 0, 1
"""What pytest exits with where all tests pass, and where some fail: anything else is no answer."""
SECONDS = 120
"""The most that the tests of a fault may take: many times what they do, for a machine that has more to do."""


@dataclass(frozen=True)
class Fault:
    """``text``, which stands in a file once, becomes ``planted``, and one of ``tests`` has to fail."""

    file: str
    text: str
    planted: str
    tests: tuple[str, ...]


def fault(file: str, text: str, planted: str, *tests: str) -> Fault:
    return Fault(file, text, planted, tests)


EQUATIONS, TRAINING, TREES = "tests/repro/test_equations.py", "tests/repro/test_training.py", "tests/repro/tasks"
FAMILY = "tests/repro/test_family_trees_training.py"
RUNNING, MACHINE_CODE = "tests/experiments/running", "tests/repro/machine_code"
XOR_OF_TRAINING = f"{TRAINING}::test_golden_trajectory[xor-0.002-explicit]"

FAULTS = {
    # the equations
    "(3) a mean over the cases": fault(
        "repro/equations.py",
        "return 0.5 * ((y - d) ** 2).sum(dim=(0, 1))",
        "return 0.5 * ((y - d) ** 2).mean(dim=0).sum(dim=0)",
        f"{EQUATIONS}::test_3_error_by_hand",
    ),
    "(5) with the wrong sign": fault(
        "repro/equations.py",
        "return dE_dy * y * (1 - y)",
        "return dE_dy * y * (y - 1)",
        f"{EQUATIONS}::test_5_through_the_logistic_by_hand",
    ),
    "(6) leaves out a case": fault(
        "repro/equations.py",
        "(dE_dx.unsqueeze(2) * y.unsqueeze(1)).sum(dim=0)",
        "(dE_dx.unsqueeze(2) * y.unsqueeze(1))[1:].sum(dim=0)",
        f"{EQUATIONS}::test_6_derivative_of_a_weight_by_hand",
    ),
    "(7) sums over the wrong units": fault(
        "repro/equations.py",
        "(dE_dx.unsqueeze(2) * w).sum(dim=1)",
        "(dE_dx.unsqueeze(2) * w).sum(dim=2)",
        f"{EQUATIONS}::test_7_derivative_of_a_unit_below_by_hand",
    ),
    "(9) carries the new step": fault(
        "repro/equations.py",
        "return steepest_descent(dE_dw, epsilon) + alpha * previous",
        "return steepest_descent(dE_dw, epsilon) + alpha * (previous + steepest_descent(dE_dw, epsilon))",
        f"{EQUATIONS}::test_9_change_with_momentum_by_hand",
    ),
    "autograd: the backward of (3) twice as large": fault(
        "repro/equations.py",
        "for_y = grad * dE_dy_output(y, d)",
        "for_y = 2 * grad * dE_dy_output(y, d)",
        f"{EQUATIONS}::test_gradcheck[SquaredError]",
    ),
    "attention: the softmax unit by unit": fault(
        "repro/attention.py",
        "return a * (dE_da - (a * dE_da).sum(dim=2, keepdim=True))",
        "return a * (1 - a) * dE_da",
        "tests/repro/test_attention.py::test_derivatives_by_hand",
    ),
    # networks and errors
    "a group that feeds several gets the derivative of one": fault(
        "repro/networks.py",
        "dE_dy = sum(rest, first)",
        "dE_dy = first",
        f"{TRAINING}::test_any_network_follows_the_reference[two inputs, every link]",
    ),
    "shared weights get the derivative of their last link": fault(
        "repro/networks.py",
        "dE_dw[link.key] + term if link.key in dE_dw else term",
        "term",
        f"{TRAINING}::test_any_network_follows_the_reference[shared]",
    ),
    "a held-out case is learned": fault(
        "repro/errors.py",
        "torch.ones_like(y, dtype=torch.bool) if included is None else (included > 0).expand_as(y)",
        "torch.ones_like(y, dtype=torch.bool)",
        f"{FAMILY}::test_held_out_cases_have_no_influence[explicit-per sweep]",
    ),
    "a held-out case is learned where weights change after every case": fault(
        "repro/sweeps.py",
        "counts = included.index_select(0, case)[0, 0] > 0",
        "counts = included.index_select(0, case)[0, 0] >= 0",
        f"{FAMILY}::test_held_out_cases_have_no_influence[explicit-per case]",
    ),
    "one unit beyond its bound satisfies the case": fault(
        "repro/errors.py",
        "beyond = beyond.all(dim=1, keepdim=True)",
        "beyond = beyond.any(dim=1, keepdim=True)",
        "tests/repro/test_errors.py::test_cases_are_satisfied_whole",
    ),
    # learning
    "a phase ends a sweep early, in the rule": fault(
        "repro/learning.py",
        "sweep <= phase.sweeps:",
        "sweep < phase.sweeps:",
        "tests/repro/test_learning.py::test_phases_begin_and_end_where_they_should",
    ),
    "a phase ends a sweep late, in the loop": fault(
        "repro/backends.py",
        "min(until, end + (phase.sweeps or 0))",
        "min(until, end + (phase.sweeps or 0) + 1)",
        XOR_OF_TRAINING,
    ),
    "decay before the change": fault(
        "repro/learning.py",
        "new = new - decay * new",
        "new = w - decay * w + delta_w",
        "tests/repro/test_learning.py::test_decay_after_the_change_by_hand",
    ),
    "biases decay where they should not": fault(
        "repro/training_setup.py",
        "self.decays and (self.decay_biases or link.source != ALWAYS_ON)",
        "self.decays",
        f"{FAMILY}::test_each_reading_follows_the_reference[biases keep-explicit]",
    ),
    "learned a sweep late": fault(
        "repro/sweeps.py",
        "& now, state.done, state.learned_at)",
        "& now, state.done + 1, state.learned_at)",
        f"{TRAINING}::test_a_replica_stops_where_it_first_meets_the_criterion[explicit-7-per sweep]",
    ),
    "those that have learned go on": fault(
        "repro/sweeps.py",
        "return learned_at == NEVER if setup.criterion.stop else None",
        "return None",
        f"{TRAINING}::test_a_replica_stops_where_it_first_meets_the_criterion[explicit-7-per sweep]",
    ),
    "cases in the reverse order": fault(
        "repro/sweeps.py",
        "each(torch.arange(len(d), device=d.device), update",
        "each(torch.arange(len(d), device=d.device).flip(0), update",
        f"{TRAINING}::test_weights_changed_after_every_case[explicit]",
    ),
    "machine code counts a lane that has no case": fault(
        "repro/machine_code/emit.py",
        "valid = self._valid(places, inner)",
        "valid = None",
        f"{MACHINE_CODE}/test_run.py::test_any_number_of_cases[3-cases]",
    ),
    "parts meet in another order where cases lie in the lanes": fault(
        "repro/machine_code/parts.py",
        "[::-1], 2)",
        ", 2)",
        f"{MACHINE_CODE}/test_run.py::test_the_same_bits_with_replicas_and_with_cases_in_the_lanes[torch.float32-symmetry]",
    ),
    "the larger of two forgets that one is no number": fault(
        "repro/machine_code/lanes.hpp",
        "where(le(b, a) | ne(a, a), a, b)",
        "where(le(b, a), a, b)",
        f"{MACHINE_CODE}/test_lanes.py::test_the_larger_of_two_is_no_number_where_one_is_none",
    ),
    "an exponential with a term less": fault(
        "repro/machine_code/lanes.hpp",
        "splat<V>(T(0.0013842711923643947))",
        "splat<V>(T(0))",
        f"{MACHINE_CODE}/test_lanes.py::test_error_in_units_in_the_last_place[exponential-float]",
    ),
    "damaged machine code is loaded": fault(
        "repro/machine_code/build.py",
        'if hashlib.sha256(path.read_bytes()).hexdigest()[:16] == path.stem.partition("-")[2]:',
        'if path.stem.partition("-")[2]:',
        f"{MACHINE_CODE}/test_build.py::test_what_is_damaged_is_made_anew_with_a_word[no machine code]",
    ),
    "a CUDA graph keeps the held-out cases of its first chunk": fault(
        "repro/backends.py",
        "self.included.copy_(included)",
        "pass",
        f"{TRAINING}::test_a_recorded_sweep_has_the_cases_of_its_chunk",
    ),
    "each chunk has the numbers of the first": fault(
        "repro/per_replica.py",
        "value[replicas] if",
        "value[: len(replicas)] if",
        "tests/repro/test_per_replica.py::test_those_that_go_on_keep_their_own_numbers[explicit]",
    ),
    "a CUDA graph keeps the numbers of its first chunk": fault(
        "repro/backends.py",
        "own.copy_(its)\n        for _ in range(sweeps):",
        "pass\n        for _ in range(sweeps):",
        "tests/repro/test_per_replica.py::test_a_recorded_sweep_has_the_numbers_of_its_chunk[xor]",
    ),
    "each chunk has the held-out cases of the first": fault(
        "repro/training_setup.py",
        "else self.held_out[:, replicas]",
        "else self.held_out[:, : len(replicas)]",
        f"{FAMILY}::test_explicit_and_autograd_agree_for_many",
    ),
    # populations
    "first weights drawn column by column": fault(
        "repro/population.py",
        "part.unflatten(0, shape)",
        "part.unflatten(0, shape[::-1]).transpose(0, 1)",
        "tests/repro/test_population.py::test_the_order_of_drawing_is_that_of_the_shapes_row_by_row",
    ),
    "each seed has the weights of the next": fault(
        "repro/population.py",
        "generator.manual_seed(seed)",
        "generator.manual_seed(seed + 1)",
        "tests/repro/test_population.py::test_the_order_of_drawing_is_that_of_the_shapes_row_by_row",
    ),
    "more seeds than are drawn at once overwrite the first": fault(
        "repro/population.py",
        "weights[:, begin : begin + len(some)] =",
        "weights[:, : len(some)] =",
        "tests/repro/test_population.py::test_more_seeds_than_are_drawn_at_once",
    ),
    "taken replicas in another order than their seeds": fault(
        "repro/population.py",
        "taken = torch.tensor(which,",
        "taken = torch.tensor(sorted(which),",
        "tests/repro/test_population.py::test_replicas_taken_are_those_asked_for_in_their_order",
    ),
    "side by side, each has the replicas of the first": fault(
        "repro/population.py",
        "some = slice(begin, begin + len(self.seeds))",
        "some = slice(0, len(self.seeds))",
        "tests/repro/test_side_by_side.py::test_each_is_trained_as_it_would_be_alone[phases-explicit]",
    ),
    "side by side, a phase ends where the next of another begins": fault(
        "repro/side_by_side.py",
        "phase_of(learning.phases, begin + 1)",
        "phase_of(learning.phases, begin)",
        "tests/repro/test_side_by_side.py::test_phases_side_by_side_by_hand",
    ),
    # tasks and printed networks
    "another split for every seed": fault(
        "repro/tasks/family_trees.py",
        "SPLIT_STREAM = 1_000_003",
        "SPLIT_STREAM = 1_000_004",
        f"{TREES}/test_family_trees.py::test_the_splits_of_the_published_seeds",
    ),
    "xor the other way round": fault(
        "repro/tasks/xor.py",
        "keepdim=True) == 1)",
        "keepdim=True) != 1)",
        f"{TREES}/test_tasks.py::test_xor",
    ),
    "no uncles and aunts by marriage": fault(
        "repro/tasks/family_trees.py",
        "return with_spouses({s for parent in parents.get(person, ()) for s in siblings(parent)})",
        "return {s for parent in parents.get(person, ()) for s in siblings(parent)}",
        f"{TREES}/test_family_trees.py::test_every_triple_is_that_of_the_figure",
    ),
    "a printed weight with another digit": fault(
        "repro/printed_networks.py",
        "[4.3, 8.8]",
        "[4.3, 8.9]",
        "tests/repro/test_printed_networks.py::test_weights_are_the_printed_numbers[XOR local minimum]",
    ),
    # runs
    "resumed without the last changes": fault(
        "experiments/running/checkpoint.py",
        "in ((population.weights, self.weights), (population.delta_w, self.delta_w)):",
        "in ((population.weights, self.weights),):",
        f"{RUNNING}/test_checkpoint.py::test_resumed_is_uninterrupted_byte_for_byte[xor]",
    ),
    "resumed with any option": fault(
        "experiments/running/command_line.py",
        "if option not in RESUMED_WITH or not equals:",
        "if not equals:",
        f"{RUNNING}/test_checkpoint.py::test_other_options_beside_resume_are_refused",
    ),
    "the checkpoint of another run is taken": fault(
        "experiments/running/checkpoint.py",
        "if not same:",
        "if not config:",
        f"{RUNNING}/test_checkpoint.py::test_a_checkpoint_of_another_run_is_refused",
    ),
    "shards overlap by a seed": fault(
        "experiments/options/setup.py",
        "population.first_seed + end)",
        "population.first_seed + end + 1)",
        f"{RUNNING}/test_shards.py::test_parts_of_seeds",
    ),
    "shards put together as they are named": fault(
        "experiments/running/shards.py",
        "ordered = sorted(shards, key=lambda shard: shard.seeds.start)",
        "ordered = [*shards]",
        f"{RUNNING}/test_shards.py::test_runs_may_be_named_in_any_order_and_split_in_more_than_one_way",
    ),
    "rows in the reverse order": fault(
        "experiments/running/seeds.py",
        "replicas = range(first, min(first + CHUNK, count))",
        "replicas = range(first, min(first + CHUNK, count))[::-1]",
        f"{RUNNING}/test_seeds.py::test_a_row_a_seed_from_the_first_seed_on",
    ),
    "a row has the weights of another seed": fault(
        "experiments/running/seeds.py",
        "measured = TASKS[trained.setup.task.name].columns(trained)",
        "measured = TASKS[trained.setup.task.name].columns(trained.take(range(len(population.seeds))[::-1]))",
        f"{RUNNING}/test_seeds.py::test_solved_is_within_the_tolerance",
    ),
    "the upper quartile is the median": fault(
        "experiments/running/curves.py",
        "QUANTILES = (0.25, 0.5, 0.75)",
        "QUANTILES = (0.25, 0.5, 0.5)",
        f"{RUNNING}/test_curves.py::test_curves_leave_a_replica_without_a_number_out",
    ),
    "events after the checkpoint are shown too": fault(
        "experiments/running/tensorboard.py",
        "SummaryWriter(str(self.directory), purge_step=self.sweep)",
        "SummaryWriter(str(self.directory))",
        f"{RUNNING}/test_checkpoint.py::test_tensorboard_shows_one_curve[xor]",
    ),
    "half a file stays after an error": fault(
        "experiments/files.py",
        "partial.unlink()",
        "partial.touch()",
        "tests/experiments/test_files.py::test_what_was_there_stays_after_an_error_or_an_interrupt",
    ),
    "a file takes its place before it is on the disk": fault(
        "experiments/files.py",
        "os.fsync(file.fileno())",
        "file.flush()",
        "tests/experiments/test_files.py::test_a_file_is_on_the_disk_before_it_takes_its_place",
    ),
    "a run over another": fault(
        "experiments/running/directory.py",
        "        if unused:",
        "        if not unused:",
        "tests/experiments/test_files.py::test_a_run_does_not_overwrite_another",
    ),
    "a tolerance that any network meets": fault(
        "experiments/options/schema.py",
        "0 < tolerance <= half + 1e-9",
        "0 < tolerance",
        f"{RUNNING}/test_command_line.py::test_a_mistake_ends_in_one_line[tolerance that any network meets]",
    ),
    "every job of a multirun on the first card": fault(
        "experiments/options/machine.py",
        "torch.cuda.set_device(job % torch.cuda.device_count())",
        "torch.cuda.set_device(0)",
        f"{RUNNING}/test_command_line.py::test_each_job_of_a_multirun_takes_the_next_card",
    ),
    "a card's table from a CPU": fault(
        "experiments/speed/device_check.py",
        'return BENCHMARK_CUDA if device == "cuda" else "benchmark_cpu.csv"',
        "return BENCHMARK_CUDA",
        "tests/experiments/speed/test_device_check.py::test_a_cpu_s_table_is_no_card_s",
    ),
    "what trains other networks is timed on a card": fault(
        "experiments/speed/cells.py",
        "if not gap < WITHIN:",
        "if gap < 0:",
        "tests/experiments/speed/test_cells.py::test_what_comes_in_the_way_is_said",
    ),
    "a sweep's arithmetic without that of (7)": fault(
        "repro/arithmetic.py",
        "dense += (2 + above) * cases * source * to",
        "dense += 2 * cases * source * to",
        "tests/repro/test_arithmetic.py::test_xor_by_hand",
    ),
    # what is said of them
    "Wilson's interval with one side": fault(
        "experiments/statistics.py",
        "NormalDist().inv_cdf((1 + level) / 2)\n    middle",
        "NormalDist().inv_cdf(level)\n    middle",
        "tests/experiments/test_statistics.py::test_a_share_has_wilson_s_interval",
    ),
    "the other end of an interval decides": fault(
        "experiments/claims/verdicts.py",
        "of_value(low, holds, fails), of_value(high, holds, fails)",
        "of_value(high, holds, fails), of_value(high, holds, fails)",
        "tests/experiments/claims/test_verdicts.py::test_what_an_interval_allows",
    ),
    "a claim is in part where its tests may still all hold": fault(
        "experiments/claims/verdicts.py",
        "not (one_way and whole)",
        "not one_way",
        "tests/experiments/claims/test_verdicts.py::test_those_are_what_each_way_for_the_tests_to_come_out_gives",
    ),
    "a line may move after its confirmation": fault(
        "experiments/claims/protocol.py",
        '"printed", "holds", "fails"',
        '"printed"',
        "tests/experiments/claims/test_protocol.py::test_a_line_or_a_measure_that_moves_is_named",
    ),
    "judged on the seeds that chose": fault(
        "experiments/claims/evidence.py",
        '["seed"] % 2 == 1]',
        '["seed"] % 2 == 0]',
        "tests/experiments/claims/test_evidence.py::test_even_seeds_choose_and_odd_seeds_are_judged",
    ),
    "a share without its decimal": fault(
        "experiments/pages/claims_numbers.py",
        'text = f"{100 * value:.{1 + more}f}"',
        'text = f"{100 * value:.{more}f}"',
        "tests/experiments/pages/test_claims.py::test_numbers_as_they_are_written",
    ),
}


class UnplantableError(ValueError):
    """A fault whose text is not in its file exactly once: the message says which."""


def check(faults: Iterable[Fault], root: Path = ROOT) -> None:
    """Raises UnplantableError."""
    for each in faults:
        count = (root / each.file).read_text().count(each.text)
        if count != 1:
            raise UnplantableError(f"{each.file} has {each.text!r} {count} times, and not once")


def tracked(root: Path = ROOT) -> list[str]:
    """The files that git knows of and that are there; in an unpacked source distribution, all that it brought."""
    if not (root / ".git").exists():
        (sources,) = root.glob("*.egg-info/SOURCES.txt")
        names = sources.read_text(encoding="utf-8").splitlines()
    else:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
        names = listing.split("\0")
    return [name for name in names if name and (root / name).is_file()]


def copied(to: Path) -> Path:
    """The project's files as they are now, in another place."""
    for name in tracked():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, to / name)
    return to


def tried(copy: Path, tests: Sequence[str], seconds: float) -> tuple[int, str]:
    """pytest's exit code there, and what it says. No bytecode: one kept of the right text might be taken for it."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *PYTEST, *tests]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout + done.stderr


def problem_of(copy: Path, each: Fault) -> str:
    """What is wrong where its tests do not fail; empty where they do."""
    path = copy / each.file
    right = path.read_text()
    path.write_text(right.replace(each.text, each.planted))
    try:
        code, said = tried(copy, each.tests, SECONDS)
    except subprocess.TimeoutExpired:
        return f"its tests took more than {SECONDS} s"
    finally:
        path.write_text(right)
    return {FAILED: "", PASSED: "not found"}.get(
        code, f"its tests could not be run (pytest ended with {code}):\n{said}"
    )


def problems(faults: dict[str, Fault], jobs: int = 2) -> Iterator[tuple[str, str]]:
    """Each fault with what is wrong, in their order.

    Raises UnplantableError, and ValueError where tests fail without a fault.
    """
    check(faults.values())
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(jobs) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            free.put(copied(Path(made) / str(number)))

        def plant(each: Fault) -> str:
            copy = free.get()
            try:
                return problem_of(copy, each)
            finally:
                free.put(copy)

        copy = free.get()
        every_test = list(dict.fromkeys(test for each in faults.values() for test in each.tests))
        code, said = tried(copy, every_test, SECONDS * len(faults))
        free.put(copy)
        if code != PASSED:
            raise ValueError(f"without a fault the tests have to pass; pytest ended with {code}:\n{said}")
        yield from zip(faults, pool.map(plant, faults.values()), strict=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which faults (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the faults and their tests, and plant none")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(FAULTS)
    if unknown:
        parser.error(f"there is no such fault: {', '.join(sorted(unknown))}")
    faults = {name: FAULTS[name] for name in given.names or FAULTS}
    if given.list:
        for name, each in faults.items():
            print(f"{name}: {' '.join(each.tests)}")
        return 0
    missed = 0
    try:
        for name, problem in problems(faults, given.jobs):
            print(f"{name}: {problem or 'found'}", flush=True)
            missed += bool(problem)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    print(f"{len(faults) - missed} of {len(faults)} found")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
