"""Evaluated on its own training images: told with the count, and measured apart."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from trifuse.studies.evaluation.evaluate import evaluate_predictions


@pytest.fixture
def truth(here, pictures):
    """A folder of 20 training images and of 16 others, and its table."""
    rows = ["path,label,group"]
    Path("mixed").mkdir()
    for number, picture in enumerate(pictures[:36]):
        path, label = Path("mixed", f"{number:02d}.jpg"), Path(picture).stem[:11]
        if number < 20:
            shutil.copy(picture, path)
        else:
            Image.open(picture).resize((70, 60)).save(path, quality=60)
        rows.append(f"{path},{label},{number // 2}")
    Path("truth.csv").write_text("\n".join(rows))
    return "truth.csv"


@pytest.fixture
def predict(trifuse, truth):
    def run(name, *options):
        result = trifuse("predict", "mixed", "-m", "m.trifuse", "-o", name, "-j", "1", *options)
        assert result.code == 0
        return name

    return run


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet"])
def test_both_parts_are_measured_in_every_format(trifuse, predict, truth, name):
    predict(name, "--probabilities")
    result = trifuse("evaluate", name, truth, "--json")
    found = json.loads(result.out)
    parts = [found[part] for part in ("not_trained_on", "trained_on")]
    assert found["metrics"]["n_images"] == 36
    assert [part["metrics"]["n_images"] for part in parts] == [16, 20]
    for part in parts:
        low, high = part["intervals"]["accuracy"]
        assert low <= part["metrics"]["accuracy"] <= high
        assert part["intervals"]["resampled"] == "lesions"
    right = sum(part["metrics"]["accuracy"] * part["metrics"]["n_images"] for part in parts)
    assert right / 36 == pytest.approx(found["metrics"]["accuracy"])
    assert found["warning"].startswith("the model was trained on 20 of the 36 images, and knows")
    assert result.err == f"warning: {found['warning']}.\n"
    assert result.code == 0


def test_the_text_tells_them_apart(trifuse, predict, truth):
    text = trifuse("evaluate", predict("p.csv", "--probabilities"), truth).out.decode()
    new, known = text.split("\n\n20 images that the model was trained on, and knows by heart: ")
    assert "\n\n16 images that the model was not trained on:\n\n" in new
    assert new.count("BMA") == known.count("BMA") == 1
    assert "truth \\ predicted" in new


def test_nothing_but_training_images(trifuse, here, pictures, truth):
    names = [f"mixed/{number:02d}.jpg" for number in range(20)]
    trifuse("predict", *names, "-m", "m.trifuse", "-o", "p.csv", "-j", "1")
    result = trifuse("evaluate", "p.csv", truth)
    assert "the model was trained on 20 of the 20 images" in result.err
    assert b"truth \\ predicted" in result.out
    assert evaluate_predictions("p.csv", dict.fromkeys(names, "synthetic_a")).unknown is None


def test_none_is_not_warned_of(trifuse, here, truth):
    names = [f"mixed/{number:02d}.jpg" for number in range(20, 36)]
    trifuse("predict", *names, "-m", "m.trifuse", "-o", "p.csv", "-j", "1")
    result = trifuse("evaluate", "p.csv", truth, "--json")
    found = json.loads(result.out)
    assert (result.err, found["warning"], found["trained_on"]) == ("", None, None)


def test_a_format_without_reasons_has_its_manifest(trifuse, here, truth):
    header = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
    Path("isic.csv").write_text(f"{header}mixed/00.jpg,1,0,0,0,0,0,0\n")
    Path("t.csv").write_text("path,label\nmixed/00.jpg,mel\n")
    assert trifuse("evaluate", "isic.csv", "t.csv").err == ""
    Path("isic.csv.run.json").write_text(json.dumps({"training_images": 1}))
    result = trifuse("evaluate", "isic.csv", "t.csv")
    assert result.err == (
        "warning: the model was trained on 1 of the images in isic.csv, whose format does not say "
        "on which: the figures are too good; predict with another --format.\n"
    )
    assert result.code == 0
    as_json = trifuse("evaluate", "isic.csv", "t.csv", "--json")
    assert as_json.err == result.err == f"warning: {json.loads(as_json.out)['warning']}.\n"


def test_explain_counts_them(trifuse, truth, recipe_file):
    options = ("-m", "m.trifuse", "-o", "maps", "-j", "1")
    result = trifuse("explain", "mixed/00.jpg", "mixed/30.jpg", *options)
    assert "warning: the model was trained on 1 of the 2 images, and knows them" in result.err
