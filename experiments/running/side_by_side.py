"""Runs that differ in numbers of the rule, trained side by side: each leaves what it would have left alone."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.files import NotWritten
from experiments.options.machine import PAYS_FROM, seconds_uncompiled
from experiments.options.schema import Config, ConfigError, plain
from experiments.options.setup import architecture_of, first_population, seeds_of, training_setup
from experiments.running import interrupts
from experiments.running.directory import locked_directory
from experiments.running.progress import ProgressBar
from experiments.running.recording import Recording
from experiments.running.shards import differences
from experiments.running.sweep_plan import is_finished
from experiments.running.training import can_compile, every_of, prepare, started, threads_of
from repro.choices import BackwardPass
from repro.networks import SpecError
from repro.population import Population
from repro.side_by_side import Part, train_side_by_side
from repro.training import Snapshot

MAY_DIFFER = (
    *("name", "summary", "paper", "reading", "count", "record", "population"),
    *("learning.epsilon", "learning.alpha", "learning.opening", "learning.sweeps"),
    *("network.initial_range", "network.start", "network.output_bias"),
    *("task.held_out", "task.held_out_cases", "task.held_out_answers"),
)
"""Options in which runs side by side need not agree. One more is learning.decay, where all decay or none does."""

MOST_WEIGHTS, MOST_RUNS = 2**25, 100
"""What is trained at a time, so that memory does not grow with a grid: weights of all networks together, each of which
takes 16 bytes in float32; and runs, each of which has files open."""


@dataclass(frozen=True)
class Run:
    """A run to come: its options, and its directory."""

    config: Config
    directory: Path


def in_common(config: Config) -> dict[str, Any]:
    """The options in which runs side by side agree, as plain values."""
    options: dict[str, Any] = plain(config)
    for option in MAY_DIFFER:
        group, _, name = option.rpartition(".")
        del (options[group] if group else options)[name]
    options["learning"]["decay"] = "0" if config.learning.decay == 0 else "above 0"
    return options


def groups(configs: Sequence[Config]) -> list[list[int]]:
    """Which runs are trained side by side, by their numbers: those that agree, as many at a time as are not too many.

    One whose options make no network is by itself, and will say so.
    """
    found: list[list[int]] = []
    of: list[tuple[dict[str, Any], int]] = []
    for number, config in enumerate(configs):
        common, weights = in_common(config), weights_of(config)
        for place, (those, taken) in enumerate(of):
            if those == common and taken + weights <= MOST_WEIGHTS and len(found[place]) < MOST_RUNS:
                found[place].append(number)
                of[place] = (common, taken + weights)
                break
        else:
            found.append([number])
            of.append((common, weights))
    return found


def weights_of(config: Config) -> int:
    """Of all networks of a run together; too many where its options make no network."""
    try:
        return architecture_of(config).weight_count * len(seeds_of(config))
    except (SpecError, ConfigError):
        return MOST_WEIGHTS + 1


def told(found: Sequence[Sequence[int]], configs: Sequence[Config], first: int = 0) -> Iterator[str]:
    """A line for each group, with the options that keep it apart from the one before. first: the first run's number."""
    for place, group in enumerate(found):
        names = ", ".join(f"#{first + number}" for number in group)
        line = f"side by side: {names}" if len(group) > 1 else f"by itself: {names}"
        if place:
            one, other = found[place - 1][0], group[0]
            apart = ", ".join(differences(in_common(configs[one]), in_common(configs[other]))) or "no room beside it"
            line = f"{line}; #{first + one} and #{first + other}: {apart}"
        yield line


def train_runs(runs: Sequence[Run], quiet: bool = False) -> Iterator[tuple[int, Exception | None]]:
    """Train runs that agree (see ``in_common``) side by side; yield the number of each that has ended, and its failure.

    quiet: no progress bar, and nothing is printed. Where one raises an error, that is its failure, and the others go
    on. Ctrl-C ends each at its next snapshot, with all that an interrupted run leaves, and the exit code is 130; so
    does a file that cannot be written.

    Raises ConfigError where a directory is another run's; NotWritten where a file could not be written.
    """
    first = runs[0].config
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(locked_directory(run.directory))
        caught = stack.enter_context(interrupts.noting())
        parts, recordings = [], []
        for run in runs:
            setup = training_setup(run.config)
            parts.append(Part(first_population(run.config, setup), setup, every_of(run.config)))
            recordings.append(stack.enter_context(Recording(run.directory, run.config, setup)))
        replicas = sum(len(part.population.seeds) for part in parts)
        compile = can_compile(first, pays([run.config for run in runs], parts))
        prepare(first)
        bar = stack.enter_context(bar_of(runs, first.record.progress and not quiet))

        def training(compile: bool) -> Iterator[tuple[int, Snapshot]]:
            return train_side_by_side(parts, first.backward_pass, compile, workers=threads_of(first))

        running, learned = set(range(len(runs))), [0] * len(runs)
        done: list[tuple[Recording, Population, bool]] = []
        refused: list[NotWritten] = []
        snapshots, compiled = started(training, compile, quiet, caught)
        for recording in recordings:
            recording.begin(compiled)
        for number, snapshot in snapshots:
            if number not in running:
                continue
            part, recording, failure = parts[number], recordings[number], None
            interrupted = bool(caught or refused)
            try:
                recording(snapshot, interrupted)
                if interrupted or part.ended:
                    recording.finish(snapshot, interrupted)
                    running.remove(number)
                    done.append((recording, part.population, interrupted))
            except NotWritten as problem:
                running.remove(number)
                refused.append(problem)
            except Exception as problem:
                running.remove(number)
                failure = problem
            learned[number] = int(part.population.learned.sum())
            bar.show(snapshot.sweep, sum(learned), replicas)
            if number not in running:
                yield number, failure
            if not running:
                break
    for recording, population, interrupted in done if not quiet else ():
        recording.tell(population, interrupted)
    for another in refused[1:]:
        print(another)
    if refused:
        raise refused[0]
    if caught:
        sys.exit(128 + caught[0])


def train_to_the_end(runs: Sequence[Run]) -> dict[int, BaseException | None]:
    """The same as ``train_runs``, at once: how each has failed, None where it has not.

    A file that cannot be written ends all that have not finished by then: it is their failure too.
    """
    ended: dict[int, BaseException | None] = {}
    try:
        ended.update(train_runs(runs))
    except NotWritten as problem:
        ended |= {number: problem for number, run in enumerate(runs) if not is_finished(run.directory)}
    return ended


def pays(configs: Sequence[Config], parts: Sequence[Part]) -> bool:
    """Whether to compile: as ``compile`` says, or where that pays for all together."""
    first = configs[0]
    if first.compile is not None or first.backward_pass is BackwardPass.autograd:
        return bool(first.compile)
    seconds = (seconds_uncompiled(part.setup, c.population.seeds) for c, part in zip(configs, parts, strict=True))
    return sum(seconds) >= PAYS_FROM


def bar_of(runs: Sequence[Run], shown: bool) -> ProgressBar:
    """A bar for all, as long as the longest."""
    longest = max((run.config for run in runs), key=lambda config: config.learning.sweeps)
    return ProgressBar(longest, shown)
