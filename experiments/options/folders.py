"""Where Hydra looks for experiments: in configs/, and in folders of one's own with the same groups in them.

Such a folder is named on the command line, ``--config-dir=FOLDER`` or ``hydra.searchpath=[file://FOLDER]``, or in the
environment variable BACKPROP_1986_CONFIGS. Hydra's help and ``glob()`` do not look into the second; here all are alike.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.options.schema import CONFIGS, ConfigError, register

VARIABLE = "BACKPROP_1986_CONFIGS"
"""The environment variable: folders, as many as one likes, with ``os.pathsep`` between them."""

SEARCHPATH = "hydra.searchpath"

GROUPS = ("reading", "count", "links", "rule")
"""What may stand beside an experiment: the names of groups of configs."""


@dataclass(frozen=True)
class Folder:
    """path: as Hydra has it, ``file:///home/me/mine`` or ``pkg://mine.configs``. way: how it was named, and by what."""

    path: str
    way: str


_named: list[Folder] = []
"""Those of the command line, which stay for as long as the process: Hydra asks for them more than once."""


class OwnFolders(SearchPathPlugin):
    """Puts the folders behind configs/, wherever Hydra starts."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """What Hydra calls."""
        for folder in own_folders():
            search_path.append(provider=folder.way, path=folder.path)


def own_folders() -> list[Folder]:
    """Those of the command line, then those of the environment variable; each once."""
    found: dict[str, Folder] = {}
    for folder in [*_named, *_of_variable()]:
        found.setdefault(folder.path, folder)
    return list(found.values())


def _of_variable() -> list[Folder]:
    value = os.environ.get(VARIABLE, "")
    names = [name for name in value.split(os.pathsep) if name]
    return [Folder(_absolute(os.path.expanduser(name)), f"{VARIABLE}={name}") for name in names]


def _absolute(path: str) -> str:
    """The path of a folder as Hydra writes it, relative to where the command was started; a package as it stands."""
    scheme, _, rest = path.rpartition("://")
    return path if scheme not in ("", "file") else f"file://{os.path.abspath(rest)}"


def name_folders(config_dir: str | None, texts: Sequence[str]) -> None:
    """From here on Hydra looks into the folders of ``--config-dir`` and of overrides of ``hydra.searchpath`` too.

    Raises ConfigError where the latter is no list of texts.
    """
    named = [] if config_dir is None else [Folder(_absolute(config_dir), f"--config-dir={config_dir}")]
    for text in (text for text in texts if text.lstrip("+").startswith(f"{SEARCHPATH}=")):
        value = _value(text)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ConfigError(f"{text}: must be a list, {SEARCHPATH}=[file://FOLDER]")
        named.extend(Folder(_absolute(each), f"{SEARCHPATH}=[{each}]") for each in value)
    _named[:] = named


def _value(text: str) -> object:
    try:
        return OverridesParser.create().parse_overrides([text])[0].value()
    except HydraException:
        return None


@contextmanager
def naming(texts: Sequence[str]) -> Iterator[None]:
    """``name_folders`` for a while: those named before are there as well, and again alone afterwards."""
    before = list(_named)
    try:
        name_folders(None, texts)
        _named[:] = [*before, *_named]
        yield
    finally:
        _named[:] = before


@contextmanager
def searching(configs: Path = CONFIGS) -> Iterator[None]:
    """Hydra looks for files in ``configs`` and in the folders of one's own, within.

    Raises ConfigError for a folder that is not there, that has nothing an experiment could use, or in which a file has
    the name of another one of configs/, so that Hydra would not find it.
    """
    register()
    Plugins.instance().register(OwnFolders)
    with initialize_config_dir(str(configs), version_base="1.3"):
        for folder in own_folders():
            _check_folder(folder)
        yield


def sources() -> list[ConfigSource]:
    """Where Hydra looks for experiments, in its order: configs/ first. Within ``searching``."""
    found = GlobalHydra.instance().config_loader().get_sources()
    return [source for source in found if source.provider not in ("hydra", "schema")]


def _check_folder(folder: Folder) -> None:
    at = next(place for place, source in enumerate(sources()) if source.full_path() == folder.path)
    own, before = sources()[at], sources()[:at]
    if not own.available():
        raise ConfigError(f"{folder.way}: there is no such folder")
    groups = [group for group in ("experiment", *GROUPS) if own.is_group(group)]
    if not groups:
        wanted = f"the file of an experiment is FOLDER{os.sep}experiment{os.sep}NAME.yaml"
        raise ConfigError(f"{folder.way}: there is no folder experiment, {', '.join(GROUPS)} in it; {wanted}")
    for group in groups:
        for name in names_in(own, group):
            config = f"{group}/{name}"
            hiding = next((source for source in before if source.is_config(config)), None)
            if hiding is not None and text_of(hiding, config) != text_of(own, config):
                first, second = file_of(hiding, config), file_of(own, config)
                raise ConfigError(f"{second}: Hydra would take {first} in its place; give it another name")


def names_in(source: ConfigSource, group: str) -> list[str]:
    """The names that there are for a group of configs in one place, without those in folders below it."""
    return source.list(group, ObjectType.CONFIG) if source.is_group(group) else []


def names(group: str) -> list[str]:
    """The names that there are for a group of configs, in configs/ and in one's own folders. Within ``searching``."""
    return GlobalHydra.instance().config_loader().get_group_options(group)


def is_group(name: str) -> bool:
    """Whether it is a group of configs, Hydra's own ones among them. Within ``searching``."""
    return any(source.is_group(name) for source in GlobalHydra.instance().config_loader().get_sources())


def file_of(source: ConfigSource, config: str) -> str:
    """How a message names the file of a config: by its path, one in configs/ as from the checkout."""
    path = os.path.join(source.path, f"{config}.yaml")
    return os.path.relpath(path, CONFIGS.parent) if Path(path).is_relative_to(CONFIGS) else path


def file_named(config: str) -> str:
    """The same for ``experiment/NAME``, wherever it is; as it stands where there is none. Within ``searching``."""
    return next((file_of(source, config) for source in sources() if source.is_config(config)), config)


def text_of(source: ConfigSource, config: str) -> str:
    """What a file says, for a comparison; empty where it cannot be read, or is in a package."""
    try:
        return Path(source.path, f"{config}.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def listing() -> str:
    """A line for each experiment: its name, its summary, and the folder where it is one's own. Within ``searching``."""
    rows: dict[str, str] = {}
    for source in sources():
        own = "" if source.provider == "main" else f"  ({source.path})"
        for name in names_in(source, "experiment"):
            rows.setdefault(name, f"{_summary(source, name)}{own}")
    width = max(map(len, rows))
    return "\n".join(f"  {name:{width}}  {rows[name]}".rstrip() for name in sorted(rows))


def _summary(source: ConfigSource, name: str) -> str:
    try:
        return str(OmegaConf.select(source.load_config(f"experiment/{name}").config, "summary", default=""))
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError, OSError):
        return "(cannot be read)"


def stamp(configs: Path = CONFIGS) -> tuple[object, ...]:
    """Equal for as long as no file of one's own folders has changed."""
    own = [folder.path for folder in own_folders()]
    files = [path for each in own if each.startswith("file://") for path in Path(each[7:]).glob("*/*.yaml")]
    return (configs, *own, *((path, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(files)))
