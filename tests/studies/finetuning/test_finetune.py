"""Fine-tuning as a job: its parts, its files, and when it begins anew, goes on or ends."""

import re
import shutil

import numpy as np
import pytest

from trifuse.classifiers.network_file import load_network
from trifuse.classifiers.output import OutputError
from trifuse.datasets.table import DatasetError
from trifuse.features.files import file_sha256
from trifuse.recipes.finetuning import FinetuningRecipe, SplitOptions
from trifuse.studies.finetuning.finetune import NETWORK_FILE, open_folder, split_archive
from trifuse.studies.finetuning.judged_trainer import CHECKPOINTS, JudgedTrainer
from trifuse.training.networks.network import FinetuningError

FILES = {NETWORK_FILE, *CHECKPOINTS, "history.csv", "curves.png", "confusion.png", "report.md"}


class TestParts:
    @pytest.mark.parametrize("calibration", [0, 1])
    def test_no_lesion_is_in_two(self, table, calibration):
        parts = split_archive(table, SplitOptions(3, 1, calibration), 0)
        groups = [set(part.groups) for part in vars(parts).values()]
        assert [len(part) > 0 for part in groups] == [True, True, calibration > 0]
        assert sum(map(len, groups)) == len(set().union(*groups)) == len(set(table.groups))
        paths = [path for part in vars(parts).values() for path in part.paths]
        assert sorted(paths) == sorted(table.paths)
        for part in vars(parts).values():
            assert part.classes == table.classes
            assert set(part.labels) in (set(table.classes), set())

    def test_the_seed_deals(self, table):
        one, same, other = (split_archive(table, SplitOptions(3, 1, 1), seed) for seed in (0, 0, 1))
        assert one == same
        assert one.calibration != other.calibration

    def test_some_fold_must_train(self, table):
        sentence = (
            "^of 3 folds 1 validate and 2 are set aside, which leaves none to train on; "
            "use more folds$"
        )
        with pytest.raises(FinetuningError, match=sentence):
            split_archive(table, SplitOptions(3, 1, 2), 0)

    def test_too_few_lesions(self, table):
        with pytest.raises(DatasetError, match="too few for 10 folds"):
            split_archive(table, SplitOptions(), 0)


def test_the_network_says_what_it_is(tuned, table, finetuning):
    about = tuned.network.about
    assert {path.name for path in tuned.folder.iterdir()} == FILES
    loaded = load_network(tuned.folder / NETWORK_FILE)
    assert loaded.about == about
    assert loaded.classifier.tflite == tuned.network.classifier.tflite

    recipe = finetuning()
    assert (about.classes, about.backbone) == (table.classes, recipe.network.backbone)
    assert FinetuningRecipe.from_dict(about.recipe) == recipe
    parts = split_archive(table, recipe.split, recipe.random_state)
    known = parts.training.paths + parts.validation.paths
    assert about.seen == tuple(sorted(map(file_sha256, known)))
    assert {*map(file_sha256, parts.calibration.paths)}.isdisjoint(about.seen)
    images = [file_sha256(path) for path in table.paths]
    unseen = {table.groups[row] for row in np.flatnonzero(~loaded.has_seen(images, table.groups))}
    assert unseen == set(parts.calibration.groups)

    sizes = [len(part) for part in vars(parts).values()]
    said = (
        rf"efficientnet-lite0: {sizes[0]} images train it, {sizes[1]} judge its epochs, "
        rf"{sizes[2]} are set aside\n"
        r"beginning: 3 epochs of 3 steps, 3 of 8 layers frozen; about \d+ s on this machine\n"
        r"epoch 1: training loss [\d.]+; validation loss [\d.]+, bma [\d.]+, .*\n"
        r"epoch 2: .*\nepoch 3: .*"
    )
    assert re.fullmatch(said, "\n".join(tuned.said))

    history = (tuned.folder / "history.csv").read_text().splitlines()
    assert history[0] == (
        "epoch,learning_rate,training_loss,validation_loss,validation_bma,validation_accuracy,"
        "validation_top_3_accuracy"
    )
    assert [line.split(",")[0] for line in history[1:]] == ["1", "2", "3"]
    best = max(float(line.split(",")[4]) for line in history[1:])
    assert about.validation["bma"] == pytest.approx(best, rel=1e-5)
    report = (tuned.folder / "report.md").read_text()
    assert re.search(rf"\| BMA +\| {best:.3f} \[\d\.\d{{3}}, \d\.\d{{3}}\] \|", report)
    assert f"is kept; on {sizes[1]} images, with 95 % intervals by bootstrap over lesions" in report
    assert "they are optimistic" in report


def test_a_finished_one_is_written_again_without_training(
    tune, tuned, contents, tmp_path, monkeypatch
):
    for name in FILES:
        (tmp_path / name).write_text("old")
    for name in CHECKPOINTS:
        shutil.copy(tuned.folder / name, tmp_path)
    monkeypatch.setattr(JudgedTrainer, "run", lambda *_: pytest.fail("it was trained"))
    assert tune(tmp_path).said == []
    assert contents(tmp_path) == contents(tuned.folder)


def test_another_recipe_or_other_images_are_told(tune, tuned, table, finetuning, contents):
    folder = tuned.folder
    sentence = (
        f"{folder / CHECKPOINTS[0]} is of other images or of another recipe; name another folder, "
        "or say --overwrite to begin anew"
    )
    before = contents(folder)
    for changed in (
        {"recipe": finetuning(schedule={"batch": 5})},
        {"data": table.subset(range(1, len(table)))},
    ):
        with pytest.raises(FinetuningError, match=f"^{re.escape(sentence)}$"):
            tune(folder, **changed)
    assert contents(folder) == before


class TestRefusals:
    def test_a_weight_for_a_class_that_is_not_there(self, tune, finetuning, tmp_path):
        recipe = finetuning(balance={"class_weights": {"mel": 3.0, "synthetic_a": 2.0}})
        sentence = "^the recipe weights the class 'mel', which no image of the archive has$"
        with pytest.raises(FinetuningError, match=sentence):
            tune(tmp_path, recipe=recipe)

    def test_a_folder_that_is_none(self, tmp_path):
        file = tmp_path / "file"
        file.touch()
        for folder, reason in ((file, "File exists"), (file / "in", "Not a directory")):
            sentence = f"The folder {folder} cannot be made: {reason}."
            with pytest.raises(OutputError, match=f"^{re.escape(sentence)}$"):
                open_folder(folder, overwrite=False)

    def test_a_network_without_its_checkpoint_is_not_replaced(self, tmp_path):
        (tmp_path / NETWORK_FILE).write_text("mine")
        sentence = (
            f"{tmp_path} holds {NETWORK_FILE}, but not {CHECKPOINTS[0]}, of which it was made; "
            "name another folder, or say --overwrite to replace it"
        )
        with pytest.raises(FinetuningError, match=f"^{re.escape(sentence)}$"):
            open_folder(tmp_path, overwrite=False)
        assert open_folder(tmp_path, overwrite=True) == tmp_path
        assert (tmp_path / NETWORK_FILE).read_text() == "mine"  # until there is another


def test_to_begin_anew_removes_the_checkpoints_alone(tmp_path):
    for name in FILES:
        (tmp_path / name).touch()
    open_folder(tmp_path, overwrite=False)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    open_folder(tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == FILES - set(CHECKPOINTS)
