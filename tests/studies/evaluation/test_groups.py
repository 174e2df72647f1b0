"""Images are divided by what is known of them; what is not known is a group of its own."""

import numpy as np
import pytest

from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.groups import divide_images, find_cells
from trifuse.studies.evaluation.matched import match_predictions

CELLS = {
    "age": ["39.9", "40", "", "85", "-1", "nan", "0"],
    "sex": ["male", "female", "male", "", "male", "female", "male"],
}


def as_rows(groups):
    return {group.value: np.flatnonzero(group.members).tolist() for group in groups}


def test_bands_hold_their_beginning():
    groups = divide_images(["age"], CELLS, {"age": [0, 40, 60]})
    assert as_rows(groups) == {
        "below 0": [4],
        "0 to below 40": [0, 6],
        "40 to below 60": [1],
        "60 and above": [3],
        "missing": [2, 5],
    }
    assert [group.value for group in groups][::4] == ["below 0", "missing"]


def test_numbers_come_in_their_order_and_texts_in_theirs():
    groups = divide_images(["n"], {"n": ["10", "b", "9", "a", ""]})
    assert [group.value for group in groups] == ["9", "10", "a", "b", "missing"]


def test_pairs_of_columns_are_every_pair_that_there_is():
    groups = divide_images(["sex", "age*sex"], CELLS, {"age": [40]})
    assert as_rows(groups[:3]) == {"female": [1, 5], "male": [0, 2, 4, 6], "missing": [3]}
    assert {group.column for group in groups[3:]} == {"age*sex"}
    assert as_rows(groups[3:]) == {
        "below 40, male": [0, 4, 6],
        "40 and above, female": [1],
        "40 and above, missing": [3],
        "missing, female": [5],
        "missing, male": [2],
    }


@pytest.mark.parametrize(
    ("by", "cells", "bands", "message"),
    [
        ("race", CELLS, {}, "no column 'race' to divide the images by; there are: age, sex$"),
        ("sex", CELLS, {"sex": [1]}, "the column 'sex' has bands, and 'male' is no number"),
        ("id", {"id": list(map(str, range(101)))}, {}, "'id' has 101 values; divide by one of"),
    ],
)
def test_refuses_what_cannot_be_divided(by, cells, bands, message):
    with pytest.raises(DatasetError, match=message):
        divide_images([by], cells, bands)


@pytest.fixture
def matched(tmp_path):
    """Three images, of which the predictions carry the columns site and age."""
    path = tmp_path / "predictions.csv"
    rows = [f"in/{i}.jpg,ok,nv,0.9,0.9,0.1,,nv,{site},1," for i, site in enumerate("xyz")]
    header = "image,status,label_1,probability_1,probability_of_nv,probability_of_mel"
    path.write_text("\n".join([f"{header},review,prediction_set,site,age,message", *rows]) + "\n")
    return match_predictions(path, {"2": "nv", "1": "mel", "0": "nv"})


def test_columns_come_from_the_named_table_then_the_truth_then_the_predictions(tmp_path, matched):
    truth, other = tmp_path / "truth.csv", tmp_path / "other.csv"
    truth.write_text("path,label,age,sex\n2,nv,52,f\n1,mel,51,m\n0,nv,50,\n")
    other.write_text("image,sex,camera\nin/1.png,other,A\nelsewhere,f,B\n")
    found = find_cells(matched, truth)
    assert found["site"] == ["x", "y", "z"]
    assert found["age"] == ["50", "51", "52"]
    assert found["sex"] == ["", "m", "f"]
    found = find_cells(matched, truth, groups_from=other)
    assert found["sex"] == ["", "other", ""]
    assert found["camera"] == ["", "A", ""]
    other.write_text("image,sex\nelsewhere,f\n")
    with pytest.raises(DatasetError, match=r"other\.csv names no image that the predictions name"):
        find_cells(matched, truth, groups_from=other)


def test_what_is_missing_by_its_name_is_missing_and_columns_count_once():
    cells = {"a": ["missing", "", "nan", "1"], "a*b": list("xxyy"), "b": list("uuvv")}
    assert [group.value for group in divide_images(["a", "a"], cells)] == ["1", "missing"]
    assert [group.value for group in divide_images(["a*a"], cells)] == ["1", "missing"]
    assert [group.value for group in divide_images(["a*b"], cells)] == ["x", "y"]
