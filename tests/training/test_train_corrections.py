"""Corrections change what a model is trained on, and its fingerprint with it."""

import shutil
from pathlib import Path

import pytest

from trifuse.classifiers.model_file import read_about
from trifuse.classifiers.output import OutputError
from trifuse.training.train import TrainingOptions, check_destinations, run_training


@pytest.fixture
def folders(tmp_path, pictures):
    """An archive with a folder a class, but for two images that stay outside."""
    outside = []
    for kind in ("synthetic_a", "synthetic_d"):
        (tmp_path / "archive" / kind).mkdir(parents=True)
        own = [picture for picture in pictures if kind in picture]
        for picture in own[1:]:
            shutil.copy(picture, tmp_path / "archive" / kind)
        outside.append(Path(shutil.copy(own[0], tmp_path)))
    return tmp_path / "archive", outside


def test_a_corrected_model_is_that_of_the_corrected_archive(folders, recipe_file, tmp_path):
    archive, (first, second) = folders
    moved = min((archive / "synthetic_a").iterdir())
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(
        "image,predicted,label,decision,by,at,remark\n"
        f"{first},synthetic_d,synthetic_a,change,,,\n{second},synthetic_d,synthetic_d,accept,,,\n"
        f"{moved},synthetic_a,synthetic_d,change,,,\n{archive}/x.jpg,synthetic_a,,unsure,,,\n"
    )
    said = []
    output, table = tmp_path / "one.trifuse", tmp_path / "judged.csv"
    seen = []
    options = TrainingOptions(
        str(archive), str(output), str(recipe_file),
        corrections=(str(corrections),), out_of_fold=str(table),
    )  # fmt: skip
    run_training(options, said.append, lambda _, __, images: seen.extend(i.path for i in images))
    assert said[0] == (
        "corrections: images that joined the archive: 2; labels of it that changed: 1, that were "
        "confirmed: 0; decisions that are unsure and left out: 1."
    )
    training = read_about(output)["training"]
    assert training["class_counts"] == {"synthetic_a": 7, "synthetic_d": 9}
    assert {first, second, moved} <= set(seen)

    plain = tmp_path / "two.trifuse"
    run_training(TrainingOptions(str(archive), str(plain), str(recipe_file)))
    assert read_about(plain)["training"]["fingerprint"] != training["fingerprint"]


def test_the_model_is_not_written_over_the_corrections(folders, tmp_path):
    corrections = str(tmp_path / "corrections.csv")
    Path(corrections).write_text("image,predicted,label,decision\n")
    options = TrainingOptions(
        str(folders[0]), corrections, corrections=(corrections,), overwrite=True
    )
    with pytest.raises(OutputError):
        check_destinations(options)
