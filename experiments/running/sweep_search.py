"""What ``hydra/sweeper=search`` chooses from, in Optuna's terms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from experiments.options.schema import ConfigError, Metric
from experiments.running.sweep_names import values_of

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

SWEEPER = "hydra/sweeper=search"


class Space:
    """The options that are swept, each with what it may be, and those that are fixed.

    Raises ConfigError where nothing is swept, an interval is none, or Optuna is not installed.
    """

    def __init__(self, overrides: Sequence[Override], metric: Metric) -> None:
        self.metric = metric
        self.fixed = [
            f"{override.get_key_element()}={override.get_value_element_as_str()}"
            for override in overrides
            if not override.is_sweep_override()
        ]
        swept = [override for override in overrides if override.is_sweep_override()]
        if not swept:
            raise ConfigError(f"{SWEEPER}: nothing is swept; write OPTION=interval(FROM,TO), or OPTION=A,B,C")
        try:
            import optuna
        except ImportError:
            raise ConfigError(f"{SWEEPER}: needs optuna, which is not installed: pip install -e '.[search]'") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.texts = {override.get_key_element(): override.get_value_string() for override in swept}
        self.distributions = {override.get_key_element(): distribution_of(override) for override in swept}

    def described(self) -> Iterator[str]:
        """The swept options, as they were given."""
        return (f"{option}={text}" for option, text in self.texts.items())

    def study(self, seed: int) -> "Study":
        """A search that knows nothing yet."""
        import optuna

        more = self.metric is Metric.learned
        return optuna.create_study(
            direction="maximize" if more else "minimize", sampler=optuna.samplers.TPESampler(seed=seed)
        )

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """Those of a job that was chosen: numbers with 6 digits."""
        return [*self.fixed, *(f"{option}={self.text(option, value)}" for option, value in params.items())]

    def text(self, option: str, value: Any) -> str:
        """A value, as it stands in an override."""
        if not isinstance(value, float):
            return str(value)
        short = f"{value:.6g}"
        return short if self.distributions[option]._contains(float(short)) else repr(value)

    def remember(self, study: "Study", overrides: Sequence[str], value: float | None) -> None:
        """Tell the search of a job that it has not chosen itself."""
        from optuna.distributions import FloatDistribution, IntDistribution
        from optuna.trial import TrialState, create_trial

        given = values_of(overrides)
        kinds: dict[type, Callable[[str], Any]] = {FloatDistribution: float, IntDistribution: int}
        params = {option: kinds.get(type(of), str)(given[option]) for option, of in self.distributions.items()}
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        study.add_trial(create_trial(state=state, params=params, distributions=self.distributions, value=value))

    def tell(self, study: "Study", trial: "Trial", value: float | None) -> None:
        """What came of a job; None where it has failed."""
        from optuna.trial import TrialState

        study.tell(trial, value, TrialState.FAIL if value is None else TrialState.COMPLETE)

    def best(self, study: "Study") -> tuple[int, float] | None:
        """The number of the best job, and its metric; None where all have failed."""
        try:
            return study.best_trial.number, study.best_value
        except ValueError:
            return None


def distribution_of(override: Override) -> "BaseDistribution":
    """What one option is chosen from. Raises ConfigError."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            low, high, log = value.start, value.end, "log" in value.tags
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=log)
            return FloatDistribution(float(low or 0), float(high or 0), log=log)
        if isinstance(value, RangeSweep) and all(isinstance(n, int) for n in (value.start, value.stop, value.step)):
            numbers = list(value.range())
            return IntDistribution(min(numbers), max(numbers), step=abs(int(value.step)))
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    except ValueError as problem:
        raise ConfigError(f"{override.input_line}: {problem}") from None
