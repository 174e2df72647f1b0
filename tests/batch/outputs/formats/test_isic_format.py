"""The submission file of the ISIC challenge."""

import math

import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import FormatError
from trifuse.batch.outputs.formats.isic_format import IsicFormat
from trifuse.batch.outputs.rows import RowLayout
from trifuse.datasets.ham10000 import HAM10000_CLASSES as HAM

RECORD = Record((0.01, 0.02, 0.03, 0.04, 0.5, 0.25, 0.15))
HEADER = b"image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"


@pytest.mark.parametrize(
    "layout", [RowLayout(HAM, 3), RowLayout(HAM, 7, probabilities=True, extra=("site", "site"))]
)
def test_the_bytes_of_a_file(layout):
    to_isic = IsicFormat(layout)
    item = Item("in.zip/ISIC_0034321.jpg", columns=("left", "right"))
    assert to_isic.header() == HEADER
    assert to_isic.row(item, RECORD) == b"ISIC_0034321,0.5,0.25,0.02,0.01,0.03,0.04,0.15\n"
    assert to_isic.row(item, Record(None, "gone")) == b"ISIC_0034321,,,,,,,\n"


def test_columns_stand_in_the_order_of_the_challenge():
    shuffled = ("VASC", "Nv", "mel", "DF", "bkl", "AKIEC", "bcc")
    row = IsicFormat(RowLayout(shuffled, 1)).row(Item("x"), Record((7, 2, 1, 6, 5, 4, 3)))
    assert row == b"x,1.0,2.0,3.0,4.0,5.0,6.0,7.0\n"


def test_no_ties_by_rounding():
    low, high = 0.25, math.nextafter(0.25, 1)
    row = IsicFormat(RowLayout(HAM, 1)).row(Item("x"), Record((0.0,) * 4 + (low, high, 0.5)))
    assert row == b"x,0.25,0.25000000000000006,0.0,0.0,0.0,0.0,0.5\n"


def test_another_id_may_be_asked_for():
    to_isic = IsicFormat(RowLayout(HAM, 1), "path")
    assert to_isic.row(Item("in/=x.jpg"), Record(None, "")) == b"in/=x.jpg,,,,,,,\n"
    assert IsicFormat(RowLayout(HAM, 1)).row(Item("in/=x.jpg"), Record(None, "")) == (
        b"'=x,,,,,,,\n"
    )


@pytest.mark.parametrize(
    "classes", [("cat", "dog"), HAM[:-1], (*HAM, "unk"), (*HAM[:-1], "nv"), (*HAM, "NV")]
)
def test_refuses_a_model_of_other_classes(classes):
    with pytest.raises(FormatError) as caught:
        IsicFormat(RowLayout(classes, 1))
    assert str(caught.value) == (
        "The ISIC format needs a model of the classes MEL, NV, BCC, AKIEC, BKL, DF, VASC, and this "
        f"one has {', '.join(classes)}; choose another format."
    )


def test_the_challenge_takes_no_rows_of_one_name(tmp_path):
    rows = tmp_path / "rows"
    rows.write_bytes(b'image,MEL\nimage,0.5\n"a\nb",0.5\nc\xff,0.5\n')
    IsicFormat(RowLayout(HAM, 1)).check_rows(rows)
    rows.write_bytes(rows.read_bytes() + b"c\xff,0.1\n")
    with pytest.raises(FormatError, match=r"^Row 4 is called as an earlier one is, and in this"):
        IsicFormat(RowLayout(HAM, 1)).check_rows(rows)
