"""Tuning: what is reported was not searched on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.metrics import compute_metrics
from trifuse.datasets.table import DatasetError, LabelledTable
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.comparison.scores import draw_inner_folds
from trifuse.studies.measured import FIGURES
from trifuse.studies.tuning import tune as module
from trifuse.studies.tuning.search import Budget
from trifuse.studies.tuning.search_space import read_choices, search_space, with_choices
from trifuse.studies.tuning.tune import hold_out, score_choices, tune

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_space")]


@pytest.fixture
def storage(tmp_path):
    return tmp_path / "search.sqlite3"


def test_a_fifth_of_the_lesions_is_held_out(table):
    searched, held_out = hold_out(table)
    assert sorted([*searched, *held_out]) == list(range(len(table)))
    assert not set(table.group_indices[searched]) & set(table.group_indices[held_out])
    assert set(table.label_indices[held_out]) == set(table.label_indices[searched])
    assert len(held_out) == pytest.approx(len(table) / 5, rel=0.1)


def test_what_a_search_comes_to(cache, base, storage, monkeypatch):
    monkeypatch.setattr(module, "TRIALS_PER_CHOICE", 0)
    said = []
    tuning = tune(cache, base, storage, budget=Budget(3), say=said.append)
    assert len(tuning.trials) == 3
    assert tuning.trials[0].choices == read_choices(base, tuning.space)
    losses = [trial.figures["log_loss"] for trial in tuning.trials]
    assert losses[tuning.best] == min(losses) <= losses[0]
    assert tuning.recipe == with_choices(base, tuning.trials[tuning.best].choices)
    assert sum(tuning.importances.values()) == pytest.approx(1)
    assert tuning.searched.images + tuning.held_out.images == len(cache.table)
    assert tuning.searched.lesions + tuning.held_out.lesions == len(set(cache.table.groups))
    assert [line.split(":")[0] for line in said] == [
        "trial 0 of 3", "trial 1 of 3", "trial 2 of 3",
        "fitting the first and the best recipe on all of the searched lesions",
    ]  # fmt: skip


def test_the_figures_are_those_of_the_ensemble(cache, base, storage):
    """Slowly and plainly: the base recipe out of fold, and on the held-out lesions."""
    tuning = tune(cache, base, storage, budget=Budget(1))
    searched, held_out = hold_out(cache.table)
    (blocks,) = cache.encode(base, [searched])
    labels, classes = cache.table.label_indices, cache.table.classes
    lesions = cache.table.group_indices
    ensemble, out_of_fold = fit_ensemble(
        {name: block[searched] for name, block in blocks.items()},
        labels[searched],
        draw_inner_folds(cache.table, searched, base),
        len(classes),
        base,
    )
    inner = compute_metrics(
        out_of_fold.probabilities["ensemble"], labels[searched], classes, lesions[searched]
    )
    rows = {name: block[held_out] for name, block in blocks.items()}
    outer = compute_metrics(
        ensemble.probabilities(rows), labels[held_out], classes, lesions[held_out]
    )
    for name in set(FIGURES) - {"balanced_bma"}:
        assert tuning.trials[0].figures[name] == pytest.approx(getattr(inner, name))
        assert tuning.outer_base.values[name] == pytest.approx(getattr(outer, name))
    assert tuning.recipe == base
    assert tuning.outer_best.minus(tuning.outer_base, "bma") == (0, 0, 0)


def test_the_labels_of_the_held_out_lesions_do_not_touch_the_search(
    cache, base, tmp_path, monkeypatch
):
    table, split = cache.table, hold_out(cache.table)
    monkeypatch.setattr(module, "hold_out", lambda *_: split)
    labels, groups = np.array(table.labels), np.array(table.groups)
    labels[split[1]] = np.roll(labels[split[1]], 3)
    groups[split[1]] = [f"new {row}" for row in split[1]]
    other = LabelledTable(table.paths, tuple(labels), tuple(groups), table.classes)

    plain, changed = (
        tune(BlockCache(cache.folder, those), base, tmp_path / name, budget=Budget(3))
        for name, those in (("plain", table), ("changed", other))
    )
    assert changed.trials == plain.trials
    assert changed.recipe == plain.recipe
    assert changed.outer_base.values != plain.outer_base.values


def test_the_images_of_the_held_out_lesions_do_not_touch_the_search(cache, base, tmp_path):
    table, (searched, held_out) = cache.table, hold_out(cache.table)
    paths = list(table.paths)
    for row in held_out:
        paths[row] = tmp_path / f"{row}.jpg"
        shutil.copy(table.paths[searched[0]], paths[row])
    other = LabelledTable(tuple(paths), table.labels, table.groups, table.classes)
    folds = draw_inner_folds(table, searched, base)
    plain, changed = (
        score_choices(those, base, searched, folds, {"svm.C": 3.0})
        for those in (cache, BlockCache(tmp_path / "cache", other))
    )
    assert changed == plain


def test_importances_take_three_trials_a_choice(cache, base, tmp_path, monkeypatch):
    n_choices = len(search_space(base))
    assert tune(cache, base, tmp_path / "few", budget=Budget(2)).importances == {}
    assert module.TRIALS_PER_CHOICE == 3
    monkeypatch.setattr(module, "TRIALS_PER_CHOICE", 2 / n_choices)
    assert len(tune(cache, base, tmp_path / "few", budget=Budget(2)).importances) == n_choices


def test_an_interrupted_search_gives_the_same(cache, base, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TRIALS_PER_CHOICE", 0)
    whole = tune(cache, base, tmp_path / "whole", budget=Budget(3))
    score, calls = module.score_choices, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) in {1, 3}:
            raise KeyboardInterrupt
        return score(*arguments)

    monkeypatch.setattr(module, "score_choices", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tune(cache, base, tmp_path / "killed", budget=Budget(3))
    again = tune(cache, base, tmp_path / "killed", budget=Budget(3))
    assert len(calls) == 5
    assert (again.trials, again.recipe) == (whole.trials, whole.recipe)
    assert again.importances == whole.importances
    assert again.outer_best.values == whole.outer_best.values


def test_too_few_lesions_are_told_before_the_work(table, base, tmp_path, storage):
    few = set(sorted(set(table.groups))[:4])  # all of the first class
    rows = [row for row, group in enumerate(table.groups) if row >= 14 or group in few]
    cache = BlockCache(tmp_path / "cache", table.subset(rows))
    with pytest.raises(DatasetError, match="too few for 5 folds"):
        tune(cache, base, storage)
    many_folds = replace(base, ensemble=replace(base.ensemble, folds=60))
    with pytest.raises(DatasetError, match="too few for 60 folds"):
        tune(BlockCache(tmp_path / "cache", table), many_folds, storage)
    assert not storage.exists()
