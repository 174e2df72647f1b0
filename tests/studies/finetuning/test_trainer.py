"""Training, step by step: what it learns from, when it stops, and that an estimate is undone."""

import numpy as np
import pytest

from trifuse.classifiers.calibration import softmax
from trifuse.features.cnn import CnnClassifier
from trifuse.features.images import read_image
from trifuse.recipes.finetuning import SplitOptions
from trifuse.studies.finetuning import trainer as trainer_module
from trifuse.studies.finetuning.errors import FinetuningError
from trifuse.studies.finetuning.finetune import split_archive
from trifuse.studies.finetuning.network import build_network, export_network
from trifuse.studies.finetuning.trainer import CHECKPOINTS, Trainer

NO_STEP = {"learning_rate": 1e-12, "warm_up": 0.0}


@pytest.fixture
def trainer(table, finetuning, small_backbone, tmp_path):
    """Make a trainer in a folder of its own."""
    parts = split_archive(table, SplitOptions(3, 1, 1), 0)

    def make(name="run", **sections):
        recipe = finetuning(**sections)
        (tmp_path / name).mkdir(exist_ok=True)
        network = build_network(recipe, len(table.classes))
        return Trainer(network, parts.training, parts.validation, recipe, tmp_path / name, "f" * 64)

    return make


def variables(trainer):
    model = trainer.network.model
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def run(trainer):
    said = []
    trainer.run(said.append)
    return said


def test_the_estimate_is_undone(trainer):
    made = trainer()
    before = variables(made)
    seconds = made.estimate(steps=2)
    assert 0 < seconds < 600
    assert made.progress.step == 0
    for found, expected in zip(variables(made), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_an_estimate_shrinks_with_the_steps_that_are_left(trainer, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(trainer_module.time, "perf_counter", lambda: float(next(ticks)))
    made = trainer()
    assert made.estimate(steps=4) == pytest.approx(9 / 4)  # a tick for 4 steps, and 9 to do
    made._advance(6, [], [])
    assert made.estimate(steps=4) == pytest.approx(3 / 4)


def test_it_stops_early_where_nothing_improves(trainer):
    made = trainer(schedule={**NO_STEP, "epochs": 9, "stop_patience": 2}, network={"frozen": -2})
    said = run(made)
    assert len(said) == len(made.figures) == 3
    assert len(set(made.figures)) == 1
    assert made.finished
    assert run(made) == []


def test_the_rate_falls_on_a_plateau(trainer):
    schedule = {
        **NO_STEP, "decay": "plateau", "plateau_patience": 1, "plateau_factor": 0.25, "epochs": 4,
    }  # fmt: skip
    made = trainer(schedule=schedule, network={"frozen": -2})
    run(made)
    rates = [epoch.learning_rate for epoch in made.progress.epochs]
    np.testing.assert_allclose(rates, 1e-12 * np.array([1, 1, 1 / 4, 1 / 16]))


def test_weights_of_the_classes_weigh_the_loss(trainer, table):
    still = {"schedule": {**NO_STEP, "epochs": 1}}
    losses = []
    for number, weight in enumerate((1.0, 3.0)):
        weights = dict.fromkeys(table.classes, weight)
        made = trainer(f"run-{number}", **still, balance={"class_weights": weights})
        run(made)
        losses.append(made.progress.epochs[0].loss)
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)


def test_it_learns(trainer):
    made = trainer(schedule={"epochs": 5, "images_per_epoch": 96, "batch": 16})
    run(made)
    first, *_, last = made.progress.epochs
    assert last.loss < first.loss - 0.1


def test_the_best_epoch_is_taken_and_measured(trainer):
    made = trainer(schedule={"monitor": "loss"})
    run(made)
    losses = [epoch.validation["loss"] for epoch in made.progress.epochs]
    assert made.figures == [-loss for loss in losses]
    made.take_kept()
    assert made.measure().log_loss == min(losses)


@pytest.mark.parametrize(("keep", "kept"), [("best", 0), ("last", 2)])
def test_which_epoch_is_kept(trainer, monkeypatch, keep, kept):
    made = trainer(schedule={"epochs": 3, "keep": keep})
    figures, weights = iter([0.9, 0.5, 0.1]), []

    def validate():
        weights.append(made.network.model.get_weights())
        return {"bma": next(figures)}

    monkeypatch.setattr(made, "_validate", validate)
    run(made)
    assert made.kept_epoch == kept
    made.take_kept()
    for array, expected in zip(made.network.model.get_weights(), weights[kept], strict=True):
        np.testing.assert_array_equal(array, expected)
    assert any(map(np.any, map(np.not_equal, weights[0], weights[2])))


def test_validation_is_by_what_is_exported(trainer):
    made = trainer(export={"rows": 40, "columns": 48, "views": 4})
    run(made)
    paths = made.validation.paths
    probabilities = made.predict(paths)
    classifier = CnnClassifier(export_network(made.network, made.recipe))
    expected = softmax(
        np.stack([classifier.class_map(read_image(path)).mean(axis=(0, 1)) for path in paths])
    )
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01


def test_a_training_that_diverges_ends_in_a_sentence(trainer):
    made = trainer()
    made.network.model.set_weights([w * np.nan for w in made.network.model.get_weights()])
    sentence = (
        "^the training diverged in epoch 1: the network gives no numbers any more; choose a "
        "lower learning_rate, or a longer warm_up$"
    )
    with pytest.raises(FinetuningError, match=sentence):
        run(made)
    with pytest.raises(FinetuningError, match=sentence):
        made.measure()
    assert not any((made._last.parent / name).exists() for name in CHECKPOINTS)
