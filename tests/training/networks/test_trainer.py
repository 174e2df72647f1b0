"""Training, step by step: what it learns from, when it stops, and that an estimate is undone."""

import itertools

import numpy as np
import pytest

from trifuse.classifiers.calibration import softmax
from trifuse.features.images import read_image
from trifuse.features.litert import CnnClassifier
from trifuse.recipes.finetuning import SplitOptions
from trifuse.studies.finetuning.finetune import split_archive
from trifuse.studies.finetuning.judged_trainer import CHECKPOINTS, JudgedTrainer
from trifuse.training.networks.batches import Batches
from trifuse.training.networks.network import (
    FinetuningError,
    build_network,
    export_network,
    network_weights,
)
from trifuse.training.networks.trainer import Trainer

CHECKPOINT = "last.npz"
NO_STEP = {"learning_rate": 1e-12, "warm_up": 0.0}


@pytest.fixture
def trainer(table, finetuning, small_backbone, tmp_path):
    """Make a trainer in a folder of its own."""
    parts = split_archive(table, SplitOptions(3, 1, 1), 0)

    def make(name="run", **sections):
        recipe = finetuning(**sections)
        (tmp_path / name).mkdir(exist_ok=True)
        network = build_network(recipe, len(table.classes))
        batches = Batches(parts.training.paths, parts.training.label_indices, recipe)
        places = (tmp_path / name, "f" * 64)
        return JudgedTrainer(network, batches, parts.validation, recipe, *places)

    return make


@pytest.fixture
def unjudged(table, finetuning, small_backbone, tmp_path):
    """Make a trainer that has no validation images."""

    def make(batches=Batches, **sections):
        recipe = finetuning(**sections)
        network = build_network(recipe, len(table.classes))
        made = batches(table.paths, table.label_indices, recipe)
        return Trainer(network, made, table.classes, recipe, tmp_path / CHECKPOINT, "f" * 64)

    return make


def variables(trainer):
    model = trainer.network.model
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def run(trainer):
    said = []
    trainer.run(said.append)
    return said


def test_steps_that_are_timed_are_undone(trainer):
    made, clock = trainer(), itertools.count(0, 6).__next__
    before = variables(made)
    assert made.seconds_a_step(2, clock) == 3
    assert made.progress.step == 0
    for found, expected in zip(variables(made), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_it_stops_early_where_nothing_improves(trainer):
    made = trainer(schedule={**NO_STEP, "epochs": 9, "stop_patience": 2}, network={"frozen": -2})
    said = run(made)
    assert len(said) == len(made.figures()) == 3
    assert len(set(made.figures())) == 1
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
    assert made.figures() == [-loss for loss in losses]
    made.take_kept()
    assert made.measure()[0].log_loss == min(losses)


@pytest.mark.parametrize(("keep", "kept"), [("best", 0), ("last", 2)])
def test_which_epoch_is_kept(trainer, monkeypatch, keep, kept):
    made = trainer(schedule={"epochs": 3, "keep": keep})
    figures, weights = iter([0.9, 0.5, 0.1]), []

    def validate():
        weights.append(made.network.model.get_weights())
        return {"bma": next(figures)}

    monkeypatch.setattr(made, "end_epoch", validate)
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
    classifier = CnnClassifier(export_network([network_weights(made.network)], made.recipe))
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


def test_without_validation_it_runs_to_the_last_step(unjudged):
    made, told = unjudged(), []
    made.run(lambda _: None, told.append)
    assert made.finished
    assert told == list(range(1, made.total + 1))
    assert [epoch.validation for epoch in made.progress.epochs] == [{}, {}, {}]
    again = unjudged()  # goes on from its checkpoint, with nothing to do
    assert again.finished
    for found, expected in zip(variables(again), variables(made), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_mean_of_the_weights_is_the_exponential_one(unjudged):
    made = unjudged(schedule={"ema": 0.75, "epochs": 2}, network={"frozen": "conv_2"})
    matrices, learn = [], made._learn

    def note(batch, rate):
        loss = learn(batch, rate)
        matrices.append(network_weights(made.network)[-2])
        return loss

    made._learn = note
    made.run(lambda _: None)
    expected = matrices[0]
    for matrix in matrices[1:]:
        expected = 0.75 * expected + 0.25 * matrix
    with made.averaged():
        np.testing.assert_allclose(network_weights(made.network)[-2], expected, atol=1e-6)
    np.testing.assert_array_equal(network_weights(made.network)[-2], matrices[-1])
    assert np.abs(expected - matrices[-1]).max() > 1e-4


class Halves(Batches):
    """All of each image's label in one batch, half and half in the other."""

    def make(self, step):
        batch = super().make(step)
        others = np.roll(batch.labels, 1)
        return batch._replace(others=others, shares=np.full(len(others), 0.25, np.float32))


def test_the_loss_of_mixed_labels_is_mixed(unjudged):
    still = {"schedule": {**NO_STEP, "epochs": 1, "label_smoothing": 0.0}}
    made = unjudged(Halves, **still, network={"dropout": 0.0, "frozen": -2})
    batch = made.batches.make(0)
    logits = made.network.model.predict_on_batch(batch.images)
    logs = np.log(softmax(logits.astype(np.float64)))
    rows = np.arange(len(logs))
    expected = -(0.25 * logs[rows, batch.labels] + 0.75 * logs[rows, batch.others]).mean()
    assert made._learn(batch, 0.0) == pytest.approx(expected, rel=1e-4)
