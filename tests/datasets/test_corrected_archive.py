"""Decided images join the archive once, by their files, and lesions stay whole."""

from pathlib import Path

import pytest

from trifuse.datasets.corrected_archive import correct_archive
from trifuse.datasets.corrections import read_corrections
from trifuse.datasets.csv_table import read_csv_table
from trifuse.datasets.table import DatasetError


@pytest.fixture
def table(write, touch, tmp_path, monkeypatch):
    """Three images of two lesions, and others that are not in it, in the working folder."""
    touch("in/a.jpg", "in/b.jpg", "in/c.jpg", "x.jpg", "y.jpg")
    monkeypatch.chdir(tmp_path)
    rows = "path,label,group\na.jpg,nv,l1\nb.jpg,nv,l1\nc.jpg,mel,l2\n"
    return read_csv_table(write("in/t.csv", rows))


@pytest.fixture
def correct(write, table):
    def run(*rows, header="image,predicted,label,decision"):
        path = write("c.csv", "\n".join([header, *rows]))
        return correct_archive(table, read_corrections([path]))

    return run


def test_joins_changes_confirms_and_leaves_out(correct):
    found = correct(
        "x.jpg,nv,mel,change", "in/c.jpg,mel,nv,change", "in/a.jpg,nv,nv,accept",
        "y.jpg,nv,,unsure", "in/b.jpg,nv,,unsure",
    )  # fmt: skip
    counts = (found.n_joined, found.n_changed, found.n_confirmed, found.n_unsure)
    assert counts == (1, 1, 1, 2)
    table = found.table
    assert [path.name for path in table.paths] == ["a.jpg", "b.jpg", "c.jpg", "x.jpg"]
    assert table.labels == ("nv", "nv", "nv", "mel")
    assert table.groups[:3] == ("l1", "l1", "l2")
    assert len(set(table.groups)) == 3
    assert table.classes == ("mel", "nv")
    assert found.tell() == (
        "corrections: images that joined the archive: 1; labels of it that changed: 1, that were "
        "confirmed: 1; decisions that are unsure and left out: 2."
    )


def test_the_archive_knows_an_image_by_any_path(correct, tmp_path):
    Path("link.jpg").symlink_to("in/c.jpg")
    for name in (f"{tmp_path}/in/c.jpg", "./in/../in/c.jpg", "link.jpg"):
        found = correct(f"{name},mel,nv,change")
        assert (found.n_joined, found.n_changed) == (0, 1)


def test_labels_are_matched_in_any_letter_case(correct):
    found = correct("x.jpg,nv,MEL,change", "in/a.jpg,nv,NV,change")
    assert found.table.labels == ("nv", "nv", "mel", "mel")
    assert (found.n_joined, found.n_changed, found.n_confirmed) == (1, 0, 1)


def test_a_file_that_the_archive_lists_twice_has_one_label(table, write):
    Path("in/again.jpg").symlink_to("a.jpg")
    rows = "path,label,group\na.jpg,nv,l1\nagain.jpg,nv,l1\nc.jpg,mel,l2\n"
    twice = read_csv_table(write("in/twice.csv", rows))
    rows = "image,predicted,label,decision\nin/a.jpg,nv,mel,change\n"
    found = correct_archive(twice, read_corrections([write("c.csv", rows)]))
    assert found.table.labels == ("mel", "mel", "mel")
    assert (found.n_joined, found.n_changed) == (0, 2)


def test_a_file_by_two_names_counts_once_and_has_one_label(correct):
    assert correct("x.jpg,nv,nv,accept", "./x.jpg,nv,nv,accept").n_joined == 1
    told = r"line 3: \./x\.jpg is mel here and nv in c?.*line 2, where it is called x\.jpg; keep"
    with pytest.raises(DatasetError, match=told):
        correct("x.jpg,nv,nv,accept", "./x.jpg,nv,mel,change")


def test_a_group_of_the_file_joins_a_lesion_of_the_archive(correct):
    header = "image,predicted,label,decision,group"
    found = correct("x.jpg,nv,mel,change,l2", "in/a.jpg,nv,nv,accept,other", header=header)
    assert found.table.groups == ("l1", "l1", "l2", "l2")


def test_a_lesion_with_two_labels_is_refused(correct):
    with pytest.raises(DatasetError, match=r"1 group with images in more than one class: l1 \(mel"):
        correct("in/a.jpg,nv,mel,change")
    assert correct("in/a.jpg,nv,mel,change", "in/b.jpg,nv,mel,change").n_changed == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("gone.jpg,nv,mel,change", "there is no image file gone.jpg; images are trained on by"),
        ("x.jpg,nv,scc,change", "'scc' is no class of the archive, which has mel, nv"),
    ],
)
def test_what_cannot_join_is_told_with_its_line(correct, row, problem):
    with pytest.raises(DatasetError, match=rf"c\.csv, line 3: {problem}"):
        correct("y.jpg,nv,nv,accept", row)
