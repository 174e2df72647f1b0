"""A table refuses what would make training or evaluation wrong, and says what it is."""

from pathlib import Path

import numpy as np
import pytest

from trifuse.datasets.table import DatasetError, LabelledTable

PATHS = tuple(Path(f"{name}.jpg") for name in "abcde")
LABELS = ("nv", "mel", "nv", "bcc", "mel")
GROUPS = ("z", "y", "z", "x", "w")


def test_classes_are_the_sorted_labels_and_indices_point_into_them():
    table = LabelledTable(PATHS, LABELS, GROUPS)
    assert len(table) == 5
    assert table.classes == ("bcc", "mel", "nv")
    assert [table.classes[index] for index in table.label_indices] == list(LABELS)
    assert table.group_indices.tolist() == [0, 1, 0, 2, 3]


def test_given_classes_keep_their_order():
    table = LabelledTable(PATHS, LABELS, GROUPS, ("nv", "mel", "df", "bcc"))
    assert table.label_indices.tolist() == [0, 1, 0, 3, 1]


def test_subset_takes_rows_in_order_and_keeps_the_classes():
    part = LabelledTable(PATHS, LABELS, GROUPS).subset(np.array([4, 0]))
    assert part == LabelledTable(
        (PATHS[4], PATHS[0]), ("mel", "nv"), ("w", "z"), ("bcc", "mel", "nv")
    )


def test_it_cannot_be_changed():
    table = LabelledTable(PATHS, LABELS, GROUPS)
    with pytest.raises(AttributeError):
        table.labels = ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": LABELS[:3]}, "5 paths, 3 labels and 5 groups do not make a table"),
        ({"classes": ("bcc", "mel")}, "1 label not among the classes bcc, mel: nv"),
        ({"classes": ("bcc", "mel", "nv", "nv")}, "classes listed more than once: nv"),
        ({"paths": (PATHS[0], *PATHS[:4])}, "1 image listed more than once: a.jpg; keep one"),
        (
            {"groups": ("z", "z", "z", "x", "x")},
            r"2 groups with images in more than one class: z \(mel, nv\), x \(bcc, mel\); "
            "the images of one lesion share one label",
        ),
    ],
)
def test_what_is_wrong_is_told(change, message):
    columns = {"paths": PATHS, "labels": LABELS, "groups": GROUPS} | change
    with pytest.raises(DatasetError, match=message):
        LabelledTable(**columns)
