"""Cross-fitting: each fold is scored by networks that have not seen it, new images by all."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from trifuse.classifiers.output import OutputError
from trifuse.features.images import read_image
from trifuse.recipes.recipe import Recipe
from trifuse.training.duplicates.guard import Inspection
from trifuse.training.fit import draw_folds
from trifuse.training.networks import crossfit, network_costs, trainer
from trifuse.training.networks.batches import Batches
from trifuse.training.networks.crossfit import (
    cross_fit,
    networks_fingerprint,
    rehearse_networks,
)
from trifuse.training.networks.network import FinetuningError
from trifuse.training.networks.trainer import Trainer

pytestmark = pytest.mark.no_cover  # as other tests that trace TensorFlow


def run_here(work, tasks, jobs):
    """Run every task in this process: what TensorFlow has loaded is loaded."""
    for number, task in enumerate(tasks):
        told = []
        work(task, told.append)
        for message in told:
            yield number, message


@pytest.fixture(scope="module")
def networked(finetuning):
    """A recipe that trains networks of few layers on two folds; sections as keywords."""

    def make(per_fold=1, **sections):
        schedule = sections.pop("schedule", {})
        own = sections.pop("export", {})
        options = finetuning(**sections).to_dict()
        schedule = {
            **{key: options["schedule"][key] for key in ("batch", "learning_rate")},
            "epochs": 2,
            "images_per_epoch": 12,
            "ema": 0.5,
            "stored": True,
            **schedule,
        }
        chosen = {key: options[key] for key in ("network", "augmentation", "balance", "export")}
        chosen["export"] = {**chosen["export"], **own}
        networks = {"per_fold": per_fold, **chosen, "schedule": schedule}
        return Recipe.from_dict({"ensemble": {"folds": 2}, "networks": networks})

    return make


@pytest.fixture(scope="module")
def inspection(table):
    return Inspection(table, tuple(f"{row:064x}" for row in range(len(table))), ())


@pytest.fixture(scope="module")
def cross(networked, inspection, few_layers):
    """Cross-fit in a folder; gives what came of it and what was said."""

    def run(folder, recipe=None, images=inspection.table.paths):
        recipe, said = recipe or networked(), []
        folds = draw_folds(inspection.table, recipe)
        with few_layers(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(crossfit, "run_children", run_here)
            found = cross_fit(inspection, images, folds, recipe, folder, None, said.append)
        return SimpleNamespace(found=found, said=said, folds=folds, folder=folder)

    return run


@pytest.fixture(scope="module")
def crossed(cross, tmp_path_factory):
    """One that nothing interrupted; nobody may change it."""
    return cross(tmp_path_factory.mktemp("crossed"))


def test_each_fold_is_scored_by_what_has_not_seen_it(crossed, table):
    logits, folder = crossed.found.logits, crossed.folder
    assert (logits.shape, logits.dtype) == ((len(table), len(table.classes)), np.float32)
    for number, (learnt, held_out) in enumerate(crossed.folds, 1):
        alone = crossfit.CnnClassifier((folder / f"network-{number}.tflite").read_bytes())
        for row in held_out[:3]:
            expected = alone.class_map(read_image(table.paths[row])).mean(axis=(0, 1))
            np.testing.assert_allclose(logits[row], expected, atol=1e-5)
        other = alone.class_map(read_image(table.paths[learnt[0]])).mean(axis=(0, 1))
        assert np.abs(logits[learnt[0]] - other).max() > 1e-4
        assert crossed.found.about[number - 1]["images_seen"] == len(learnt)
    json.dumps(crossed.found.about)


def test_new_images_get_the_mean(crossed, pictures):
    image = read_image(pictures[0])
    maps = [
        crossfit.CnnClassifier(path.read_bytes()).class_map(image)
        for path in sorted(crossed.folder.glob("network-?.tflite"))
    ]
    assert len(maps) == 2
    found = crossed.found.classifier.class_map(image)
    near = np.ptp(maps) / 50  # of 8 bits, each network with ranges of its own
    np.testing.assert_allclose(found, np.mean(maps, axis=0), atol=near)


def test_networks_may_keep_their_32_bits(cross, networked, crossed, pictures, tmp_path):
    exact = cross(tmp_path, networked(export={"precision": "float32"}))
    sizes = [
        [path.stat().st_size for path in sorted(run.folder.glob("network-?.tflite"))]
        for run in (exact, crossed)
    ]
    assert min(sizes[0]) > max(sizes[1])
    image = read_image(pictures[0])
    maps = [
        crossfit.CnnClassifier(path.read_bytes()).class_map(image)
        for path in sorted(tmp_path.glob("network-?.tflite"))
    ]
    found = exact.found.classifier.class_map(image)
    np.testing.assert_allclose(found, np.mean(maps, axis=0), atol=1e-5)
    near = np.ptp(exact.found.logits) / 20
    np.testing.assert_allclose(crossed.found.logits, exact.found.logits, atol=near)


def test_what_it_needs_is_said_first(crossed):
    (sentence,) = crossed.said
    assert sentence.startswith(
        "fine-tuning 2 networks (efficientnet-lite0), 2 epochs of 3 steps each: about "
    )
    assert f" s on this machine, 0.1 GB of disk in {crossed.folder}, " in sentence


class StoppedError(Exception):
    """What stands for a kill in this process."""


def stop_at(patch, owner, name, count):
    """Let a method or function end all at its nth call."""
    method, calls = getattr(owner, name), iter(range(10**6))

    def stop(*arguments):
        if next(calls) == count:
            raise StoppedError
        return method(*arguments)

    patch.setattr(owner, name, stop)


def test_it_goes_on_to_the_same_bytes(cross, crossed, tmp_path, monkeypatch, contents):
    """Stopped among the features, in the first and in the second network, and among the scores."""
    monkeypatch.setattr(trainer, "SAVE_SECONDS", -1)
    timed = 4  # steps, before each attempt
    for owner, name, count in (
        (crossfit.CnnTrunk, "features", 30),
        (Trainer, "_learn", timed + 4),
        (Trainer, "_learn", timed + 5),
        (crossfit, "_score_image", 5),
    ):
        with monkeypatch.context() as patch:
            stop_at(patch, owner, name, count)
            with pytest.raises(StoppedError):
                cross(tmp_path)
    resumed = cross(tmp_path)
    assert resumed.said == []  # all was trained
    np.testing.assert_array_equal(resumed.found.logits, crossed.found.logits)
    assert contents(tmp_path) == contents(crossed.folder)


def test_images_may_be_anew_at_every_step(crossed, networked, inspection, few_layers, tmp_path):
    recipe = networked(schedule={"stored": False}, per_fold=2)
    folds = draw_folds(inspection.table, recipe)
    tasks = crossfit._plan(inspection, inspection.table.paths, folds, recipe, tmp_path, None)
    assert [task.rows is folds[task.number // 2][0] for task in tasks] == [True] * 4
    assert len({task.recipe.random_state for task in tasks}) == 4
    with few_layers():
        made = tasks[1].trainer()
    assert type(made.batches) is Batches
    assert made.batches.make(0).images.shape == (4, 32, 32, 3)


def test_a_disk_that_is_too_small_is_told_first(cross, tmp_path, monkeypatch):
    monkeypatch.setattr(network_costs.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**4))
    sentence = rf"^{tmp_path} needs 0\.1 GB, and its disk has 0\.1 GB left; make room, name an out"
    with pytest.raises(OutputError, match=sentence):
        cross(tmp_path)


def test_the_fingerprint_is_of_what_networks_follow_from(inspection, networked):
    recipe = networked()
    before = networks_fingerprint(inspection, recipe)
    other = Recipe.from_dict({**recipe.to_dict(), "svm": {"C": 3.0}})
    assert networks_fingerprint(inspection, other) == before
    for changed in (networked(per_fold=2), networked(schedule={"ema": 0.25})):
        assert networks_fingerprint(inspection, changed) != before
    images = (*inspection.images[:-1], "f" * 64)
    assert networks_fingerprint(inspection._replace(images=images), recipe) != before


def test_what_cannot_be_is_told_in_the_first_minute(networked, small_backbone, table):
    with pytest.raises(FinetuningError, match=r"^no frozen layer gives all"):
        rehearse_networks(table.classes, networked(network={"frozen": 0}))
    with pytest.raises(FinetuningError, match=r"^the recipe weights the class 'mel'"):
        rehearse_networks(table.classes, networked(balance={"class_weights": {"mel": 2.0}}))
