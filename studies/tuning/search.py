"""The search: trials that Optuna proposes, kept in a file, so that a killed search goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trifuse.features.libraries import need_extra
from trifuse.studies.tuning.search_space import Candidates, Range, Space, Value

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

NAME = "trifuse"
"""Of the study within its file."""
OBJECTIVES = {
    "log_loss": "minimize",
    "balanced_bma": "maximize",
    "bma": "maximize",
    "macro_auc": "maximize",
}
"""The figures that can be searched for, and what is good in each."""


class TuningError(ValueError):
    """A search that cannot begin or go on; the message says what to do."""


@dataclass(frozen=True)
class Trial:
    """One recipe that was tried.

    Attributes
    ----------
    choices : dict
        By the names of the space.
    figures : dict of str to float
    """

    choices: dict[str, Value]
    figures: dict[str, float]


@dataclass(frozen=True)
class Budget:
    """When a search ends.

    Attributes
    ----------
    trials : int
        Finished ones, those of earlier runs included.
    minutes : float, optional
        Of this run: after so many no trial begins, but for the very first.
    """

    trials: int = 50
    minutes: float | None = None


@contextmanager
def open_study(path: Path, objective: str, identity: Mapping[str, str]) -> Iterator[Study]:
    """Open the file of a search, or begin one.

    Parameters
    ----------
    path : Path
        An SQLite database. One process at a time may use it.
    objective : str
        One of `OBJECTIVES`.
    identity : dict of str to str
        What makes it this search and no other; the names are for people to read.

    Raises
    ------
    TuningError
        If the file holds another search, or none.
    """
    with need_extra("studies"):
        import optuna
        from sqlalchemy import URL
        from sqlalchemy.exc import SQLAlchemyError
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = URL.create("sqlite", database=str(path)).render_as_string()
    try:
        storage = optuna.storages.RDBStorage(url)
        try:
            study = optuna.create_study(
                study_name=NAME,
                storage=storage,
                direction=OBJECTIVES[objective],
                load_if_exists=True,
            )
            _claim(study, path, {"objective": objective, **identity})
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise TuningError(f"The search in {path} cannot be read or written: {reason}.") from error


def run_search(
    study: Study,
    space: Space,
    start: Mapping[str, Value],
    score: Callable[[dict[str, Value]], dict[str, float]],
    budget: Budget,
    random_state: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> list[Trial]:
    """Try recipes until the budget is spent: `start` first, then what the sampler proposes.

    Each proposal depends on the finished trials alone, not on when the search was interrupted. The
    sampler is the tree-structured Parzen estimator [1]_.

    Parameters
    ----------
    study : Study
        Of `open_study`.
    space : Space
    start : dict
        Choices within the space.
    score : callable
        From choices to figures, the objective among them.
    budget : Budget
    random_state : int
    say : callable
        Told of each trial.

    Returns
    -------
    list of Trial
        All that are finished, in order.

    References
    ----------
    .. [1] J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, "Algorithms for hyper-parameter
       optimization", NIPS 2011, section 4.
    """
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    for unfinished in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(unfinished.number, state=TrialState.FAIL)  # a killed run left it
    distributions = {name: _distribution(candidates) for name, candidates in space.items()}
    objective, began = study.user_attrs["objective"], time.monotonic()
    while (done := len(finished_trials(study))) < budget.trials:
        if done and budget.minutes is not None and time.monotonic() - began > budget.minutes * 60:
            say(f"the time is spent after {done} of {budget.trials} trials")
            break
        trial_began = time.monotonic()
        if not done and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial(dict(start))
        # Seeded anew, a sampler proposes the same in however many runs earlier trials were made.
        study.sampler = TPESampler(seed=random_state + done)
        trial = study.ask(distributions)
        figures = score(trial.params)
        trial.set_user_attr("figures", figures)
        study.tell(trial, figures[objective])
        say(
            f"trial {done} of {budget.trials}: {objective} {figures[objective]:.4f}, "
            f"best {study.best_value:.4f}, {time.monotonic() - trial_began:.0f} s"
        )
    return finished_trials(study)


def finished_trials(study: Study) -> list[Trial]:
    """Give the trials that have figures, in order."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [Trial(dict(trial.params), trial.user_attrs["figures"]) for trial in trials]


def best_trial(trials: Sequence[Trial], objective: str) -> int:
    """Give the number of the best trial, the first of equals."""
    sign = 1 if OBJECTIVES[objective] == "minimize" else -1
    return min(range(len(trials)), key=lambda number: sign * trials[number].figures[objective])


def choice_importances(study: Study, random_state: int = 0) -> dict[str, float]:
    """Share out among the choices how much the objective varies with each, by fANOVA [1]_.

    Returns
    -------
    dict of str to float
        Summing to one, the largest first; empty if no two trials differ in the objective.

    References
    ----------
    .. [1] F. Hutter, H. Hoos, K. Leyton-Brown, "An efficient approach for assessing
       hyperparameter importance", ICML 2014, section 3.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    if len({trial.value for trial in study.trials if trial.value is not None}) < 2:
        return {}
    evaluator = FanovaImportanceEvaluator(seed=random_state)
    shares = get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}


def _claim(study: Study, path: Path, identity: Mapping[str, str]) -> None:
    """Write what the search is, or raise if it is another one."""
    for what, value in identity.items():
        if study.user_attrs.get(what, value) != value:
            raise TuningError(f"{path} holds a search with another {what}; name another folder.")
    for what, value in identity.items():
        study.set_user_attr(what, value)


def _distribution(candidates: Candidates) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(candidates, Range):
        return CategoricalDistribution(candidates)
    kind = IntDistribution if isinstance(candidates.low, int) else FloatDistribution
    return kind(candidates.low, candidates.high, log=candidates.log)
