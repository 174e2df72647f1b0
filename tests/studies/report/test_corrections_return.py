"""What a person decides by keyboard on the page is what the next model is trained on."""

import csv
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from trifuse.classifiers.model_file import read_about
from trifuse.datasets.synthetic import write_synthetic_archive

INPUTS = ("new", "archive/images/wrong.jpg", "archive/images/right.jpg")


def read_rows(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def truth(here, archive):
    """The labels of 18 new images and of two of an archive that has a wrong one, by name."""
    shutil.copytree(archive, "archive")
    rows = read_rows("archive/metadata.csv")
    n_images = Counter(row["group"] for row in rows)
    wrong, right = [row for row in rows if n_images[row["group"]] == 1][:2]
    truth = {"archive/images/wrong.jpg": wrong["label"], "archive/images/right.jpg": right["label"]}
    for row, name in ((wrong, "wrong"), (right, "right")):
        Path("archive", row["path"]).rename(f"archive/images/{name}.jpg")
        row["path"] = f"images/{name}.jpg"
    wrong["label"] = next(row["label"] for row in rows if row["label"] != wrong["label"])
    with Path("archive/metadata.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    write_synthetic_archive("night", images_per_class=3, size=(72, 96), seed=1)
    Path("new").mkdir()
    for row in read_rows("night/metadata.csv")[:18]:
        name = f"new/{Path(row['path']).name}"
        shutil.copy(Path("night", row["path"]), name)
        truth[name] = row["label"]
    return truth


def decide(browser, truth, classes):
    """Decide all images of the list, one after another, by keys alone."""
    first = {row["image"]: row["label_1"] for row in read_rows("p.csv")}
    for _ in truth:
        name = browser.find_element(By.CSS_SELECTOR, ".detail h3").text
        is_right = first[name] == truth[name]
        key = "a" if is_right else str(1 + classes.index(truth[name]))
        browser.switch_to.active_element.send_keys(key)
    browser.find_element(By.ID, "save").send_keys(Keys.ENTER)


def test_twenty_corrections_by_keyboard_come_back_in_a_training(
    trifuse, truth, recipe_file, read_page
):
    scoring = ("predict", *INPUTS, "-j", "1", "-m")
    assert trifuse(*scoring, "m.trifuse", "-o", "p.csv", "--report", "night.html").code == 0
    browser = read_page(Path("night.html").resolve())
    behavior = {"behavior": "allow", "downloadPath": str(Path.cwd())}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    classes = sorted(set(truth.values()))
    buttons = browser.find_elements(By.CSS_SELECTOR, "[data-action=change]")
    assert [one.text for one in buttons][:1] == [f"{classes[0]}1"]
    decide(browser, truth, classes)
    for _ in range(200):
        if Path("corrections.csv").exists():
            break
        time.sleep(0.05)
    decided = {row["image"]: row["label"] for row in read_rows("corrections.csv")}
    assert decided == truth
    assert len(decided) == 20
    decisions = Counter(row["decision"] for row in read_rows("corrections.csv"))
    assert min(decisions["accept"], decisions["change"]) > 0

    training = ("train", "archive", "--recipe", recipe_file, "-j", "1")
    trained = trifuse(*training, "-o", "n.trifuse", "--corrections", "corrections.csv")
    assert trained.code == 0, trained.err
    assert (
        "corrections: images that joined the archive: 18; labels of it that changed: 1, that were "
        "confirmed: 1; decisions that are unsure and left out: 0.\n"
    ) in trained.err
    labels = Counter(row["label"] for row in read_rows("archive/metadata.csv"))
    labels.update(truth[name] for name in truth if name.startswith("new/"))
    labels[truth["archive/images/wrong.jpg"]] += 1
    labels[wrong_label()] -= 1
    assert read_about(Path("n.trifuse"))["training"]["class_counts"] == labels

    assert trifuse(*scoring, "n.trifuse", "-o", "n.csv").code == 0
    assert all("training-image" in row["review"] for row in read_rows("n.csv"))


def wrong_label():
    """The label that the archive has of the image wrong.jpg."""
    rows = read_rows("archive/metadata.csv")
    return next(row["label"] for row in rows if row["path"].endswith("wrong.jpg"))
