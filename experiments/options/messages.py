"""One line for options that cannot be used: the override or the file at fault, what is wrong, and the remedy."""

import dataclasses
import difflib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from experiments.options import folders, schema
from experiments.options.compose import REFUSALS, Composer, Job
from experiments.options.folders import GROUPS

SYNONYMS: dict[str, tuple[str, ...]] = {
    "learning.epsilon": ("lr", "learning_rate", "rate", "eta", "eps", "step_size"),
    "learning.alpha": ("momentum", "mu", "beta"),
    "learning.decay": ("weight_decay", "wd", "l2", "regularization"),
    "learning.sweeps": ("epochs", "epoch", "iterations", "steps", "max_epochs", "max_iter", "n_epochs", "num_epochs"),
    "learning.opening": ("schedule", "scheduler", "lr_schedule", "warmup", "phases"),
    "learning.change": ("batch", "batch_size", "minibatch", "online", "stochastic", "full_batch"),
    "rule": ("optimizer", "optim", "algorithm"),
    "network.groups.hidden": ("hidden", "hidden_units", "hidden_size", "n_hidden", "num_hidden", "width"),
    "network.layers": ("depth", "n_layers", "num_layers", "hidden_layers"),
    "network.hidden_function": ("activation", "nonlinearity", "output_function", "function"),
    "network.initial_range": ("init", "init_range", "range", "init_scale", "initialization", "weight_range"),
    "network.biases": ("bias", "use_bias"),
    "network.links": ("connections", "skip", "shortcuts"),
    "error.form": ("loss", "loss_function", "objective", "cost"),
    "criterion.tolerance": ("tol", "threshold", "margin"),
    "criterion.stop": ("early_stopping", "patience"),
    "population.first_seed": ("seed", "random_seed", "rng"),
    "population.seeds": ("n_seeds", "num_seeds", "runs", "n_runs", "num_runs", "replicas", "networks", "num_networks"),
    "record.every": ("log_every", "log_interval", "eval_every", "snapshots"),
    "record.checkpoint": ("save_every", "checkpoints", "checkpoint_every"),
    "record.figures": ("plot", "plots", "figure", "draw"),
    "record.progress": ("verbose", "quiet", "bar"),
    "hydra.run.dir": ("logdir", "log_dir", "output_dir", "outdir", "out", "dir", "directory"),
    "task.name": ("dataset", "data", "problem"),
    "task.held_out": ("test_size", "test", "validation"),
    "device": ("gpu", "gpus", "cuda", "accelerator"),
    "precision": ("dtype", "float"),
    "threads": ("workers", "num_workers", "n_jobs", "cores", "cpus", "num_threads", "n_threads"),
    "compile": ("jit", "compiled", "torch_compile"),
    "backward_pass": ("autograd", "backward", "backprop"),
    "summary": ("title", "description"),
}
"""What others call our options: the last part of a name that there is not, by the option meant."""

MEANT = {word: option for option, words in SYNONYMS.items() for word in words}

QUOTES = "a text with = ( ) or ü in it needs quotes of its own within those of the shell"


def one_line(problem: BaseException) -> str:
    """The first line of a message; Hydra and OmegaConf put the particulars below it."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__).strip()


def not_parsed(text: str, problem: HydraException, composer: Composer) -> str:
    """Of an override that cannot be taken apart: how it is written, with quotes where these are all that it lacks."""
    key, equals, value = text.partition("=")
    quoted = f"{key}={QuotedString(value, Quote.double).with_quotes()}"
    dotted = re.sub(r"(?<=.)\[(\d+)\]", r".\1", key)
    if dotted != key:
        return f"{text}: an element of a list is written with a dot, {dotted}{equals}{value}"
    if not equals or not _can_be_parsed(quoted, composer):
        return f"{text}: {one_line(problem)}; options are written OPTION=VALUE"
    if value.startswith(("[", "{")):
        return f"{text}: {one_line(problem)}; options are written OPTION=VALUE, and {QUOTES}"
    return f"{text}: {QUOTES}: {shlex.quote(quoted)}"


def _can_be_parsed(text: str, composer: Composer) -> bool:
    try:
        composer.parsed(text)
    except HydraException:
        return False
    return True


def no_option(text: str, key: str, options: Sequence[str]) -> str:
    """Of an option that there is not, with the one that may be meant."""
    meant = nearest(key, options)
    hint = f"did you mean {meant}?" if meant else "`--cfg job` lists them all"
    return f"{text}: there is no option {key}; {hint}"


def nearest(key: str, options: Sequence[str]) -> str | None:
    """The option that is meant by one that there is not: by its letters, or because others call it so."""
    options, leaf = [option for option in options if option != key], key.rpartition(".")[2]
    alike = [option for option in options if option.count(".") == key.count(".")]
    letters = difflib.get_close_matches(key, alike, n=1, cutoff=0.9)
    called = [MEANT[leaf]] if MEANT.get(leaf) in (*options, "hydra.run.dir") else []
    same = [option for option in options if option.rpartition(".")[2] == leaf]
    roughly = difflib.get_close_matches(key, alike, n=1)
    leaves = {option.rpartition(".")[2]: option for option in reversed(options)}
    elsewhere = [leaves[name] for name in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)]
    return next(iter([*letters, *called, *same, *roughly, *elsewhere]), None)


def options_of(config: DictConfig) -> list[str]:
    """The dotted names of all options, those of the elements of lists too."""
    return [name for name, _ in _values(OmegaConf.to_container(config))]


def _values(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in parts:
        if isinstance(value, dict):
            yield f"{prefix}{name}", each
        yield from _values(each, f"{prefix}{name}.")


def no_experiment(text: str = "") -> str:
    """Where an experiment must be named, or there is none of that name: all there are. Within ``folders.searching``."""
    name = text.partition("=")[2]
    for source in folders.sources():
        if name and Path(source.path, "experiment", f"{name}.yml").is_file():
            return f"{text}: {Path(source.path, 'experiment', name)}.yml must be called {name}.yaml"
    wrong = f"{text}: there is no such experiment" if text else "say which experiment to run, experiment=NAME"
    own = "" if folders.own_folders() else f" (one of your own is found by --config-dir=FOLDER or {folders.VARIABLE})"
    return f"{wrong}{own}. There are:\n{folders.listing()}"


def no_value(job: Job) -> str:
    """Of options that neither file nor command line gives a value."""
    keys = [name for name, value in _values(OmegaConf.to_container(job.options)) if value == MISSING]
    name, here = job.files.choices["experiment"], " ".join(f"{key}=VALUE" for key in keys)
    if any(f"{keys[0]}.".startswith(f"{override.key_or_group}.") for override in job.values):
        return f"{keys[0]}=???: has no value; give it one, {here}"
    there = folders.file_named(f"experiment/{name}")
    return f"{keys[0]}=???: {there} gives no value to {', '.join(keys)}; give it there, or here: {here}"


def group_recipe(group: str, units: str, groups: Mapping[str, int], links: Mapping[str, Sequence[str]]) -> str:
    """How a group of units is put in below the output of a network with these groups and links: overrides in a shell.

    A group that is put in comes last, where the output must be.
    """
    output = list(groups)[-1]
    return (
        f"'~network.groups.{output}' +network.groups.{group}={units} +network.groups.{output}={groups[output]} "
        f"'+network.links.{group}=[{','.join(links.get(output) or [])}]' 'network.links.{output}=[{group}]'"
    )


# What Hydra refuses ------------------------------------------------------------------------------------------


def explained(problem: Exception, texts: Sequence[str], composer: Composer) -> str:
    """The file or the override at fault, found by composing with the first one, the first two and so on."""
    chosen = sorted((text for text in texts if composer.chooses(text)), key=_order)
    before: list[str] = []
    for text in [*chosen, *(text for text in texts if text not in chosen)]:
        try:
            composer.job([*before, text])
        except REFUSALS as own:
            override = composer.parsed(text)
            if not before:  # the experiment by itself
                return of_file(own, f"experiment/{text.partition('=')[2]}")
            return of_override(override, own, composer.job(before), composer)
        before.append(text)
    full_key = str(getattr(problem, "full_key", None) or "")
    text = next((text for text in texts if full_key and composer.parsed(text).key_or_group == full_key), full_key)
    if "${hydra:job." in text and "Incompatible value 'None'" in str(problem):
        return f"{text}: only a job of a multirun has a number; add -m"
    return f"{text}: {one_line(problem)}" if text else one_line(problem)


def _order(text: str) -> int:
    """The experiment first, then what says which options Hydra has."""
    return 0 if text.startswith("experiment=") else 1 if text.startswith("hydra/") else 2


def of_override(override: Override, problem: Exception, job: Job, composer: Composer) -> str:
    """What is wrong with one override, where the job has all that stand before it."""
    text, key = override.input_line or "", override.key_or_group
    cause = problem.__cause__ if isinstance(problem.__cause__, OmegaConfBaseException) else problem
    if folders.is_group(key) and composer.chooses(text):
        return _of_group(override, problem, job)
    options = [*options_of(job.options), *GROUPS]
    unknown = _unknown_key(cause, key)
    if unknown:
        return f"{text}: {unknown}"
    if key in options and isinstance(_node(job.options, key), DictConfig):
        some = [option for option in options if option.startswith(f"{key}.")]
        return f"{text}: these are several options; give one of them a value, {some[0]}=VALUE" if some else text
    if "An item is already at" in str(problem):
        return f"{text}: there is such an option already; write {text.lstrip('+')}"
    if key in options or key.startswith("hydra.") or _node(job.options, key) is not None:
        return f"{text}: {one_line(cause)}"
    new = re.fullmatch(r"network\.(groups|links)\.([^.]+)", key)
    groups, links = (_node(job.options, f"network.{of}") for of in ("groups", "links"))
    if new and isinstance(groups, DictConfig) and isinstance(links, DictConfig):
        near = difflib.get_close_matches(new[2], list(map(str, groups)), n=1)
        meant = f"did you mean network.{new[1]}.{near[0]}? A new one" if near else "a new one"
        units = str(override.value()) if new[1] == "groups" else "UNITS"
        network = [{str(name): value for name, value in each.items_ex(resolve=False)} for each in (groups, links)]
        recipe = group_recipe(new[2], units, *network)
        return f"{text}: there is no group '{new[2]}'; {meant} goes in below the output by {recipe}"
    element = re.match(r"(.+?)\.(\d+)(\.|$)", key)
    there = _node(job.options, element[1]) if element else None
    if element and isinstance(there, ListConfig) and int(element[2]) >= len(there):
        return f"{text}: {element[1]} has no element {element[2]}; give the whole list, {element[1]}=[...]"
    return no_option(text, key, options)


def _node(options: DictConfig, key: str) -> object:
    try:
        return OmegaConf.select(options, key, throw_on_missing=False)
    except REFUSALS:
        return None


def _of_group(override: Override, problem: Exception, job: Job) -> str:
    text, key, value = override.input_line or "", override.key_or_group, override.value()
    known = folders.names(key)
    if value in known and key in GROUPS:
        return of_file(problem, f"{key}/{value}")
    if key == "hydra/launcher":
        more = "`pip install -e '.[cluster]'` brings joblib, submitit_local and submitit_slurm"
        return f"{text}: there is no such launcher; there are basic and side_by_side, and {more}"
    if key == "hydra/sweeper":
        more = "pip install hydra-optuna-sweeper brings optuna, hydra-ax-sweeper ax; see docs/running.md"
        return f"{text}: there is no such sweeper; there are basic and search, and {more}"
    if value in known and "+" + key in str(problem):
        return f"{text}: that group is none of the experiment's yet; write +{text}"
    if value in known:
        return f"{text}: {one_line(problem)}"
    return f"{text}: there is no such {key.rpartition('/')[2]}; choose from {', '.join(known)}"


def _unknown_key(problem: BaseException, key: str) -> str | None:
    """Of a name within a value, ``[{sweep:1}]``, that the options there do not have."""
    found = re.match(r"Key '(.+?)' not in '(\w+)'", str(problem))
    options = getattr(schema, found[2], None) if found else None
    if found is None or options is None or found[1] in key.split("."):
        return None
    near = nearest(found[1], [field.name for field in dataclasses.fields(options)])
    return f"there is no option '{found[1]}' in it; " + (f"did you mean '{near}'?" if near else "leave it out")


# What is wrong with a file -----------------------------------------------------------------------------------


def of_file(problem: Exception, chosen: str) -> str:
    """What is wrong with the file of a config, or with one that its defaults name. chosen: ``experiment/NAME``."""
    if isinstance(problem, MarkedYAMLError) and problem.problem_mark is not None:
        mark = problem.problem_mark
        return f"{mark.name}, line {mark.line + 1}: {problem.problem or 'this is no YAML'}"
    named = re.match(r"In '([^']+)': ", str(problem))
    config = named[1] if named else chosen
    file, what = folders.file_named(config), str(problem)[named.end() if named else 0 :]
    full_key = re.search(r"^ +full_key: (\S+)$", what, re.MULTILINE)
    unknown = re.search(r"Key '(.+?)' not in '(\w+)'", what)
    if unknown and unknown[1] == config.partition("/")[0]:
        return f"{file}: its first line must be # @package _global_, with nothing before it"
    if unknown:
        return f"{file}: {_no_option_in_file(unknown[1], unknown[2], full_key)}"
    missing = re.match(r"Could not (?:load|find) '([^']+)'", what)
    if missing:
        group, _, name = missing[1].rpartition("/")
        near = difflib.get_close_matches(name, folders.names(group), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(folders.names(group))}"
        return f"{file}: its defaults name {missing[1]}, which there is not; {hint}"
    chosen_there = re.match(r"(?:Could not override|Multiple values for) '?(\w+)", what)
    if chosen_there:
        group = chosen_there[1]
        return f"{file}: a {group} is chosen by '- /{group}@_global_: NAME' in its defaults, above '- _self_'"
    if isinstance(problem, RecursionError):
        return f"{file}: its defaults lead back to itself"
    if isinstance(problem, UnicodeDecodeError):
        return f"{file}: is no text in UTF-8"
    if "Cannot merge DictConfig with ListConfig" in what:
        return f"{file}: holds a list, where options are wanted, OPTION: VALUE"
    several = re.search(r"Merge error: \w+ is not a subclass of (\w+)", what)
    if several:
        return f"{file}: {_several(several[1])}"
    told = [line.strip() for line in what.splitlines() if "raised while composing" not in line]
    where = f"{full_key[1]}: " if full_key else ""
    return f"{file}: {where}{next(iter(told), type(problem).__name__)}"


def _several(of: str) -> str:
    name = next(
        (field.name for field in dataclasses.fields(schema.Config) if getattr(field.type, "__name__", "") == of), of
    )
    return f"{name} is several options; give them their values, {name}: {{OPTION: VALUE}}"


def _no_option_in_file(key: str, of: str, full_key: re.Match[str] | None) -> str:
    options = getattr(schema, of, None)
    prefix = full_key[1].removesuffix(key) if full_key else ""
    known = [field.name for field in dataclasses.fields(options)] if options is not None else []
    near = nearest(key, known) or nearest(f"{prefix}{key}", options_of(OmegaConf.structured(schema.Config)))
    hint = f"did you mean {prefix if near in known else ''}{near}?" if near else "`--cfg job` lists them all"
    return f"there is no option {prefix}{key}; {hint}"
