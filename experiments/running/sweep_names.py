"""What a sweep and its jobs are called: by what is swept, and by nothing else."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.types import Override

from experiments.options.schema import ConfigError

LONGEST_VALUE, LONGEST_NAME = 40, 150
"""Bytes that a value, and the name of a directory, may have; file systems take 255."""


def swept_options(overrides: Iterable[Override]) -> list[str]:
    """The options that a command line sweeps over, each once, in its order. Of one given twice the last counts."""
    swept: dict[str, bool] = {}
    for override in overrides:
        swept[override.get_key_element()] = override.is_sweep_override()
    return [option for option, sweeps in swept.items() if sweeps]


def check_lists(overrides: Iterable[Override]) -> None:
    """Raises ConfigError where one is an interval, of which not every value can be run."""
    for override in overrides:
        if override.is_interval_sweep():
            raise ConfigError(
                f"{override.input_line}: an interval is no list of values; write A,B,C or range(FROM,TO,STEP), or have "
                f"the best value sought: hydra/sweeper=search record.metric=learned"
            )


def values_of(overrides: Iterable[str]) -> dict[str, str]:
    """The options of a job with their values, as text."""
    return {option: value for option, _, value in (text.partition("=") for text in overrides)}


def short_names(options: Sequence[str]) -> dict[str, str]:
    """For each option the last part of its name, or the whole name where two have the same last part."""
    whole = {option: option.lstrip("+") for option in options}
    last = {option: re.split(r"[./]", name)[-1] for option, name in whole.items()}
    count = Counter(last.values())
    return {option: last[option] if count[last[option]] == 1 else whole[option] for option in options}


def job_name(number: int, overrides: Iterable[str], swept: Sequence[str]) -> str:
    """The directory of a job: its number, then what is swept, ``"3_epsilon=0.1,rule=steepest"``.

    overrides: the job's, ``"learning.epsilon=0.1"``. What is too long is shortened, each value by itself, and ends in a
    hash, so that no option is lost.
    """
    given = values_of(overrides)
    names = short_names([option for option in swept if option in given])
    if not names:
        return str(number)
    for most in (LONGEST_VALUE, LONGEST_VALUE // 2, len(_hash(""))):
        parts = [f"{_plain(name)}={_at_most(most, _plain(given[o]), given[o])}" for o, name in names.items()]
        whole = f"{number}_{','.join(parts)}"
        if len(whole.encode()) <= LONGEST_NAME:
            break
    return _at_most(LONGEST_NAME, whole, whole)


def sweep_name(experiments: Sequence[str]) -> str:
    """The directory of a sweep over experiments: their names, or the first one's and how many more there are."""
    joined = _plain(",".join(experiments)).lstrip(".") or "sweep"
    if len(joined.encode()) <= LONGEST_VALUE or len(experiments) == 1:
        return _at_most(LONGEST_NAME, joined, joined)
    return _at_most(LONGEST_NAME, f"{_plain(experiments[0])}_and_{len(experiments) - 1}_more", joined)


def _plain(text: str) -> str:
    """With an underscore for what a file system or a shell takes for something else."""
    return re.sub(r"[^\w.,=+~-]", "_", text).strip("_") or "_"


def _hash(text: str) -> str:
    return "~" + hashlib.sha256(text.encode()).hexdigest()[:6]


def _at_most(most: int, text: str, whole: str) -> str:
    """The text, in so many bytes: its beginning and a hash of what it stands for where it is longer."""
    if len(text.encode()) <= most:
        return text
    end = _hash(whole)
    return text.encode()[: most - len(end)].decode(errors="ignore") + end
