"""The training job: told early what cannot work, and a whole model file or none."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import sys

import numpy as np
import pytest

from trifuse.batch.inputs.items import InputOptions
from trifuse.batch.job import run_prediction
from trifuse.batch.job_options import PredictionOptions
from trifuse.classifiers.archive import ModelFileError
from trifuse.classifiers.model import ClassNamesError
from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.network_file import NetworkError
from trifuse.classifiers.output import OutputError
from trifuse.datasets.table import DatasetError, LabelledTable
from trifuse.features.descriptors import cnn
from trifuse.features.files import file_sha256
from trifuse.recipes.reading import RecipeError
from trifuse.training import train as training
from trifuse.training.fit import fingerprint
from trifuse.training.train import TrainingOptions, run_training

FOREIGN = hashlib.sha256(b"an image of another archive").hexdigest()


@pytest.fixture
def folders(tmp_path, pictures):
    """An archive with a folder a class: few images of two classes."""
    for picture in pictures:
        for kind in ("synthetic_a", "synthetic_d"):
            if kind in picture:
                folder = tmp_path / "archive" / kind
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, folder)
    return tmp_path / "archive"


@pytest.fixture
def train(recipe_file):
    def run(data, output, recipe=recipe_file, say=lambda _: None, **options):
        return run_training(TrainingOptions(str(data), str(output), str(recipe), **options), say)

    return run


def test_a_folder_a_class(train, folders, tmp_path, capsys):
    said = []
    output = tmp_path / "two.trifuse"
    metrics = train(folders, output, say=said.append).metrics
    about = read_about(output)
    assert metrics in about["card"]
    assert about["classes"] == ["synthetic_a", "synthetic_d"]
    assert about["training"]["class_counts"] == {"synthetic_a": 8, "synthetic_d": 8}
    assert (about["training"]["images"], about["training"]["groups"]) == (16, 16)
    assert list(about["training"]["metrics"]) == ["svm", "lightgbm", "ensemble"]
    for line in metrics.splitlines()[2:]:
        assert len(re.findall(r" \d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\] ", line)) == 3, line
    for figures in about["training"]["metrics"].values():
        low, high = figures["intervals"]["recall"]["synthetic_d"]
        assert low <= figures["recall"]["synthetic_d"] <= high
    *warnings, doubt = said
    # A folder tells no lesions; whether pairs are found depends on the processor.
    assert all(re.match(r"warning: \d+ pairs? of images \(such as ", found) for found in warnings)
    assert doubt.startswith("warning: there are 16 images, fewer than 40: all folds share the code")
    assert str(tmp_path) not in json.dumps(about)  # no path of anybody's machine is given away

    # With two classes the top three are two.
    csv_file = tmp_path / "out.csv"
    inputs = InputOptions(tuple(sorted(map(str, folders.rglob("*.jpg")))[:2]))
    options = PredictionOptions(str(output), str(csv_file), inputs)
    run_prediction(options, io.BytesIO(), print)
    with csv_file.open() as file:
        header, first, _ = csv.reader(file)
    ranks = "label_1,probability_1,label_2,probability_2"
    assert ",".join(header) == f"image,status,{ranks},review,prediction_set,message"
    assert float(first[3]) + float(first[5]) == pytest.approx(1)


class TestNetworks:
    """Of `--backbone`; the archive has 7 classes of 8 images."""

    @pytest.fixture
    def train_with(self, train, archive, tmp_path):
        def run(*files, output=tmp_path / "m.trifuse"):
            train(archive, output, backbones=tuple(map(str, files)))
            return read_about(output)

        return run

    def test_metrics_are_of_what_no_network_has_seen(self, networked_file, halves):
        training = read_about(networked_file)["training"]
        assert training["images"] == 56
        assert training["held_out"][0] == len(halves[1]) < 56
        assert list(training["metrics"]) == ["svm", "lightgbm", "network", "ensemble"]
        for figures in training["metrics"].values():
            assert figures["n_images"] == len(halves[1])

    def test_images_that_are_in_no_table_are_ignored(
        self, train_with, write_network, networked_file, halves
    ):
        file = write_network([*halves[0], FOREIGN])
        found, expected = train_with(file), read_about(networked_file)
        (network,) = found["training"].pop("networks")
        assert network["images_seen"] == len(halves[0]) + 1
        assert expected["training"].pop("networks")[0] == {
            **network, "images_seen": len(halves[0])
        }  # fmt: skip
        for about in (found, expected):
            del about["card"], about["sha256"]["arrays.npz"]  # it holds what networks have seen
        assert found == expected

    def test_a_network_that_has_seen_nothing_is_judged_by_all(self, train_with, write_network):
        assert train_with(write_network([FOREIGN]))["training"]["held_out"][0] == 56

    def test_other_classes(self, train_with, write_network):
        sentence = (
            "^the fine-tuned network is of the classes mel, nv, but the archive has synthetic_a, "
            ".*, synthetic_g; fine-tune one on this archive$"
        )
        with pytest.raises(NetworkError, match=sentence):
            train_with(write_network(classes=("mel", "nv")))

    def test_what_has_seen_all(self, train_with, write_network, halves, tmp_path):
        sentence = (
            "^the fine-tuned network has seen all but 0 images of the class synthetic_a, too few "
            "to calibrate it on; set more folds aside when fine-tuning, or train on the whole "
            "archive that it is a part of$"
        )
        with pytest.raises(NetworkError, match=sentence):
            train_with(write_network([*halves[0], *halves[1]]))
        assert list(tmp_path.iterdir()) == []

    def test_a_recipe_with_networks_of_its_own(self, train, archive, tmp_path, write_network):
        recipe, output = tmp_path / "own.toml", tmp_path / "m.trifuse"
        recipe.write_text("[networks]\nper_fold = 1\n")
        sentence = (
            r"^the recipe fine-tunes networks of its own \(\[networks\] per_fold\), and --backbone "
            "names others; leave one of both out$"
        )
        with pytest.raises(NetworkError, match=sentence):
            train(archive, output, recipe, backbones=(str(write_network()),))
        (tmp_path / "m.trifuse.work").touch()
        with pytest.raises(OutputError, match=r"m\.trifuse\.work is there and is no folder of a"):
            train(archive, output, recipe)

    def test_a_file_that_is_none_is_told_before_the_work(self, train_with, monkeypatch, tmp_path):
        monkeypatch.setattr(training, "load_dataset", lambda path: pytest.fail("the work began"))
        with pytest.raises(ModelFileError, match=r"^The network .*none cannot be read: No such"):
            train_with(tmp_path / "none")


def test_what_cannot_be_written_is_told_before_the_work(train, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "load_dataset", lambda path: pytest.fail("the work began"))
    (tmp_path / "there").touch()
    for output in (tmp_path / "none" / "m.trifuse", tmp_path / "there", tmp_path):
        with pytest.raises(OutputError):
            train(tmp_path, output)
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]


def test_a_model_is_replaced_on_request(train, folders, tmp_path):
    output = tmp_path / "m.trifuse"
    output.write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        train(folders, output)
    assert output.read_text() == "old"
    train(folders, output, overwrite=True)
    assert len(read_about(output)["classes"]) == 2


def test_a_failure_leaves_nothing(train, folders, tmp_path):
    broken = folders / "synthetic_a" / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff and no more")
    with pytest.raises(DatasetError, match=rf"^1 image of 17 cannot be read: '{broken}'; mend or"):
        train(folders, tmp_path / "m.trifuse")
    assert list(tmp_path.iterdir()) == [folders]


def test_the_network_is_calibrated_on_what_can_be_read(train, folders, tmp_path, monkeypatch):
    recipe, broken = tmp_path / "cnn.toml", folders / "synthetic_a" / "0.jpg"
    recipe.write_text("[fusion.weights]\ncnn = 1\n")
    seen, network = [], object()
    monkeypatch.setattr(cnn, "CALIBRATION", 1)  # the first image alone
    monkeypatch.setattr(cnn.CnnCells, "build", lambda _, images: seen.append(images) or network)

    def stop(inspection, extractor, *_, **__):
        assert extractor.embedder is network
        raise InterruptedError

    monkeypatch.setattr(training, "fit_archive", stop)
    with pytest.raises(InterruptedError):
        train(folders, tmp_path / "m", recipe)
    broken.write_bytes(b"none")
    with pytest.raises(DatasetError, match=rf"^1 image of 17 cannot be read: '{broken}'; mend or"):
        train(folders, tmp_path / "m", recipe)
    with pytest.raises(InterruptedError):
        train(folders, tmp_path / "m", recipe, skip_unreadable=True)
    without, left_out = seen  # once each
    np.testing.assert_array_equal(left_out, without)


def test_other_refusals(train, folders, tmp_path):
    with pytest.raises(RecipeError, match="There is no recipe 'best'"):
        train(folders, tmp_path / "m", recipe="best")
    with pytest.raises(DatasetError, match="there is no "):
        train(tmp_path / "none", tmp_path / "m")
    (folders / "tiny").mkdir()
    shutil.copy(next(folders.rglob("*.jpg")), folders / "tiny")
    with pytest.raises(DatasetError, match=r"the class tiny has 1 group \(lesion\), and two are"):
        train(folders, tmp_path / "m")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_class_whose_name_is_no_text(train, folders, tmp_path):
    os.rename(folders / "synthetic_a", os.path.join(os.fsencode(folders), b"caf\xe9"))  # noqa: PTH104, PTH118
    with pytest.raises(
        ClassNamesError, match=r"the name of the class 'caf\\udce9' is not one line"
    ):
        train(folders, tmp_path / "m")


def test_the_fingerprint(tmp_path):
    def taken(*rows):
        paths = []
        for name, content, _, _ in rows:
            path = tmp_path / name
            path.write_bytes(content)
            paths.append(path)
        labels, groups = tuple(row[2] for row in rows), tuple(row[3] for row in rows)
        table = LabelledTable(tuple(paths), labels, groups, ("x", "y"))
        return fingerprint(table, [file_sha256(path) for path in paths])

    rows = [("1", b"one", "x", "g"), ("2", b"two", "y", "h"), ("3", b"two", "y", "h")]
    before = taken(*rows)
    assert len(before) == 64
    assert taken(*reversed(rows)) == before
    assert taken(("7", *rows[0][1:]), *rows[1:]) == before  # another file name
    for other in (("1", b"One", "x", "g"), ("1", b"one", "y", "g"), ("1", b"one", "x", "G")):
        assert taken(other, *rows[1:]) != before
    assert taken(*rows[:2]) != before
