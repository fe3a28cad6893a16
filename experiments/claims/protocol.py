"""The protocol of the confirmation: what is frozen before fresh networks are run, once, to judge the claims again.

Exploration draws lines, some of them after results were seen. The confirmation takes the lines as they stand in
protocol.yaml beside this file, with the options and the numbers of seeds of every experiment, and runs seeds that no
exploration has used. ``python -m experiments.claims.protocol`` says whether the ledger and the experiments are those
that are frozen; ``--freeze`` freezes them as they are now.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

if not __package__:  # started by its path: as by python -m
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import yaml

from experiments.catalogue import GRIDS, PUBLISHED, RESULTS, STUDIES, seeds_of
from experiments.claims.ledger import FAMILY, Claim, read_ledger, tables_of
from experiments.files import replacing
from experiments.options.load import load, settings
from experiments.options.schema import Config, ConfigError, plain

PROTOCOL = Path(__file__).with_name("protocol.yaml")
FILE = PROTOCOL.name

CONFIRMATORY: Path = RESULTS / "confirmatory"
"""What the confirmation found, with the protocol that it was run by."""

FIRST_SEED = 10_000_000
"""The first seed of the confirmation. Exploration used those from 0 on, and the search for readings from 10^6 on."""

Protocol = Mapping[str, Any]

RULES = (
    *("measure", "of", "table", "among", "versus", "versus_table", "then", "under", "under_among", "best", "within"),
    *("printed", "holds", "fails"),
)
"""What of a test decides: its words may change."""


def current() -> Protocol:
    """What would be frozen now: family of intervals, first seed, seeds and options of experiments, lines of claims."""
    claims = read_ledger()
    frozen: dict[str, Any] = {
        "first_seed": FIRST_SEED,
        "family": FAMILY,
        "seeds": {name: seeds_of(name) for name in tables(claims)},
        "options": {name: digest(options(name)) for name in tables(claims) if name not in STUDIES},
        "lines": lines_of(claims),
    }
    return {**frozen, "digest": digest(frozen)}


def tables(claims: list[Claim]) -> list[str]:
    """The experiments, grids and studies whose tables the claims are tested by, in the order of the catalogue."""
    tests = [test for claim in claims for test in claim.tests]
    named = {f"{name}.csv" for test in tests for name in (*tables_of(test), test.under)}
    own = [name for name in (*PUBLISHED, *GRIDS) if f"{name}.csv" in named]
    return [*own, *(name for name, study in STUDIES.items() if named & {*study.tables})]


def lines_of(claims: list[Claim]) -> dict[str, str]:
    """The digest of the lines of each claim that can be tested."""
    return {claim.id: digest(lines(claim)) for claim in claims if not claim.untestable}


def lines(claim: Claim) -> list[dict[str, object]]:
    """What decides a claim, and what is measured beside it."""
    return [{rule: getattr(test, rule) for rule in RULES} for test in claim.tests]


def options(name: str) -> dict[str, Any]:
    """The options of an experiment that are not the defaults and that its results depend on; of a grid its settings."""
    config, default = load(name), Config()
    for part in ("name", "summary", "paper", "record", "population"):
        setattr(config, part, getattr(default, part))
    return {"options": other_than(config, default), "settings": settings(name)}


def other_than(value: Any, default: Any) -> Any:
    """What of some options is not the default, as plain values."""
    if not is_dataclass(value):
        return plain(value)
    pairs = ((f.name, getattr(value, f.name), getattr(default, f.name)) for f in fields(value))
    return {name: other_than(own, its) for name, own, its in pairs if own != its}


def digest(value: object) -> str:
    """The first 16 digits of the SHA-256 of a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read(path: Path = PROTOCOL) -> Protocol:
    """What is frozen in a file. Raises ConfigError where there is none, or it was changed by hand."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        own = digest({key: value for key, value in found.items() if key != "digest"})
        whole = own == found["digest"]
    except FileNotFoundError:
        raise ConfigError(f"{path}: nothing is frozen; python -m experiments.claims.protocol --freeze") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ConfigError(f"{path}: what it holds does not fit its digest; take it from the repository's history")
    protocol: Protocol = found
    return protocol


def differences(frozen: Protocol, now: Protocol, added: bool = True) -> list[str]:
    """Where two protocols differ, in words. added: also what is in the second alone."""
    found = []
    for part, of in (("lines", "claim"), ("options", "experiment"), ("seeds", "seeds of")):
        keys = [*frozen[part], *(key for key in now[part] if added and key not in frozen[part])]
        found += [f"{of} {key}" for key in keys if frozen[part].get(key) != now[part].get(key)]
    return found + [part for part in ("first_seed", "family") if frozen[part] != now[part]]


def check(path: Path = PROTOCOL) -> Protocol:
    """The frozen protocol. Raises ConfigError where the ledger or an experiment is not as it is frozen."""
    frozen = read(path)
    changed = differences(frozen, current())
    if changed:
        raise ConfigError(
            f"not as frozen in {path.name}: {', '.join(changed)}; take it back, or freeze anew what has not been "
            "confirmed yet: python -m experiments.claims.protocol --freeze"
        )
    return frozen


def freeze(path: Path = PROTOCOL, confirmed: Path = CONFIRMATORY / FILE) -> None:
    """Write down what stands now. Raises ConfigError where something has been confirmed as it stood before."""
    now = current()
    if confirmed.exists():
        moved = differences(read(confirmed), now, added=False)
        if moved:
            raise ConfigError(f"{', '.join(moved)}: changed after the confirmation has run, which nothing may")
    text = "# Frozen by python -m experiments.claims.protocol --freeze; that file says what it is for.\n"
    with replacing(path) as partial:
        partial.write_text(text + yaml.safe_dump(dict(now), sort_keys=False), encoding="utf-8")


def main() -> int:
    """The command line: the exit code is 1 where something is not as frozen."""
    parser = argparse.ArgumentParser(prog="python -m experiments.claims.protocol", description=__doc__)
    parser.add_argument("--freeze", action="store_true", help="freeze lines, options and seeds as they are now")
    try:
        if parser.parse_args().freeze:
            freeze()
        frozen = check()
    except ConfigError as problem:
        print(f"experiments.claims.protocol: {problem}", file=sys.stderr)
        return 1
    print(f"As frozen: {len(frozen['lines'])} claims, {len(frozen['seeds'])} tables, digest {frozen['digest']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
