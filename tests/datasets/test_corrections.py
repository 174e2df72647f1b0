"""One reader of what was decided: strict, and it says file and line."""

import re

import pytest

from trifuse.datasets.corrections import has_corrections, read_corrections
from trifuse.datasets.table import DatasetError

HEADER = "image,predicted,label,decision,by,at,remark\n"


def test_reads_what_the_page_saves(write):
    path = write(
        "corrections.csv",
        HEADER
        + 'w/cat.jpg,mel,mel,accept,"Dr. A, B",2026-11-30T06:00:00.000Z,"\'=1+1, ""so"""\n'
        + "w/broken.jpg,,,unsure,,,\n"
        + "'=dog.jpg,vasc,nv,change,,,\n"
        + " x .jpg,vasc,nv,change,,,\n",
    )
    assert has_corrections(path)
    corrections = read_corrections([path])
    assert [row[1:5] for row in corrections.rows] == [
        ("w/cat.jpg", "mel", "accept", ""),
        ("w/broken.jpg", "", "unsure", ""),
        ("=dog.jpg", "nv", "change", ""),
        (" x .jpg", "nv", "change", ""),
    ]
    assert corrections.rows[2].where == f"{path}, line 4"
    assert corrections.count() == {"accept": 1, "change": 2, "unsure": 1}
    assert [row.image for row in corrections.decided] == ["w/cat.jpg", "=dog.jpg", " x .jpg"]


def test_a_repeated_row_keeps_the_mark_of_the_audit(write):
    rows = ["a.jpg,nv,nv,accept,", "a.jpg,nv,nv,accept,2 of 9"]
    for number, lines in enumerate((rows, rows[::-1])):
        text = "\n".join(["image,predicted,label,decision,audit", *lines])
        (row,) = read_corrections([write(f"{number}.csv", text)]).rows
        assert row.audit == (2, 9)


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path):
    path = tmp_path / "corrections.csv"
    path.write_bytes(HEADER.encode() + b"\xff.jpg,nv,nv,accept,,,\n")
    assert read_corrections([path]).rows[0].image == "\udcff.jpg"


def test_a_spreadsheet_may_have_written_it_and_added_groups(write):
    path = write("c.csv", "image;predicted;label;decision;group\na.jpg;nv;mel;change;l1\n")
    assert read_corrections([path]).rows[0].group == "l1"


def test_the_same_decision_counts_once_in_several_files(write):
    one = write("1.csv", HEADER + "a,nv,mel,change,,,\n")
    other = write("2.csv", HEADER + "a,mel,mel,accept,,,\nb,nv,nv,accept,,,\n")
    assert [row.image for row in read_corrections([one, other]).rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,nv,nv,agree", "the decision is 'agree' instead of accept, change or unsure"),
        ("a,nv,,change", "label is empty; give the class that was decided, or the decision unsure"),
        ("a,nv,,accept", "label is empty; give the class that was decided, or the decision unsure"),
        ("a,nv,mel,accept", "'nv' is accepted, but the label is 'mel'; make it a change"),
        ("a,nv,mel,unsure", "the decision is unsure, and yet there is the label 'mel'; keep one "
                            "of both"),
        (",nv,mel,change", "image is empty"),
        ("b,nv,nv,accept", "b is nv here and mel in FILE, line 2; keep one of both"),
        ("b,nv,,unsure", "b is unsure here and mel in FILE, line 2; keep one of both"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_its_line(write, row, problem):
    path = write("c.csv", f"image,predicted,label,decision\nb,nv,mel,change\n{row}\n")
    told = f"{path}, line 3: {problem.replace('FILE', str(path))}"
    with pytest.raises(DatasetError, match=f"^{re.escape(told)}$"):
        read_corrections([path])


def test_two_groups_of_one_image_are_refused(write):
    header = "image,predicted,label,decision,group\n"
    one, other = (write(f"{name}.csv", f"{header}a,nv,nv,accept,{name}\n") for name in "xy")
    with pytest.raises(DatasetError, match=r"y\.csv, line 2: a is of the group y here and of x in"):
        read_corrections([one, other])


def test_a_missing_column_is_named(write):
    path = write("c.csv", "image,decision\na,accept\n")
    with pytest.raises(DatasetError, match="has no column predicted and no column label"):
        read_corrections([path])
    assert not has_corrections(write("t.csv", "path,label\na,nv\n"))


def test_the_audit_is_one_and_makes_sense(write):
    header = "image,predicted,label,decision,audit\n"
    path = write("c.csv", f"{header}a,nv,nv,accept,\nb,nv,nv,accept,2 of 9\nc,nv,,unsure,2 of 9\n")
    corrections = read_corrections([path])
    assert [row.audit for row in corrections.rows] == [None, (2, 9), (2, 9)]
    assert corrections.audit == (2, 9)
    for cell in ("yes", "3 of 2", "0 of 9"):
        path = write("c.csv", f"{header}a,nv,nv,accept,{cell}\n")
        with pytest.raises(DatasetError, match=f"line 2: audit is '{cell}' instead of, for"):
            read_corrections([path])
    path = write("c.csv", f"{header}b,nv,nv,accept,2 of 9\nc,nv,nv,accept,3 of 9\n")
    with pytest.raises(DatasetError, match=r"line 3: its audit is another than that of .* line 2"):
        _ = read_corrections([path]).audit
