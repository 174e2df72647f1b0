"""A file of predictions as columns, in every format, and the order of doubt."""

import numpy as np
import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.formats import find_formats
from trifuse.batch.outputs.rows import RowLayout
from trifuse.datasets.table import DatasetError
from trifuse.studies.night import NOBODY, read_night

CLASSES = ("a", "b;c", "=d", "e")
RECORDS = [
    ("x.jpg", Record((0.1, 0.2, 0.4, 0.3), unfamiliar=True, prediction_set=(2, 3, 1), alert=0.95)),
    ("=y\udcff.jpg", Record((0.9, 0.05, 0.05, 0.0), flaws=("too dark",), prediction_set=(0,))),
    ("z.jpg", Record(None, "cannot read the image: it is empty")),
]


@pytest.mark.parametrize("alerts", [False, True])
@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_every_format_gives_the_same_night(tmp_path, name, probabilities, alerts):
    form = find_formats()[name](RowLayout(CLASSES, 3, probabilities, alerts=alerts), "path", None)
    rows = b"".join(form.row(Item(image), record) for image, record in RECORDS)
    path = tmp_path / "p"
    path.write_bytes(form.header() + rows)
    if form.converts:
        form.finish(path, tmp_path / "q")
        path = tmp_path / "q"
    night = read_night(path, CLASSES)
    assert night.classes == CLASSES
    assert night.images == tuple(image for image, _ in RECORDS)
    assert night.labels.tolist() == [[2, 3, 1], [0, 1, 2], [NOBODY] * 3]
    np.testing.assert_array_equal(
        night.probabilities, [[0.4, 0.3, 0.2], [0.9, 0.05, 0.05], [np.nan] * 3]
    )
    assert night.prediction_sets == ((2, 3, 1), (0,), ())
    assert night.reviews == (("unfamiliar",), ("low-quality",), ())
    assert night.messages == ("", "too dark", "cannot read the image: it is empty")
    assert night.alerts == ((0.95, None, None) if alerts else (None,) * 3)
    assert night.is_read.tolist() == [True, True, False]


def test_of_classes_that_are_not_known_those_that_rows_name_are_there(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(
        "image,status,label_1,probability_1,review,prediction_set,message\n"
        "x,ok,nv,0.5,,nv;mel,\ny,ok,df,0.5,,df,\n"
    )
    assert read_night(path).classes == ("df", "mel", "nv")
    assert read_night(path, ("nv", "df")).classes == ("nv", "df", "mel")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,status,label_1,probability_1,message\n", "has no row$"),
        ("image,status,label_1,probability_1,message\nx,ok,nv,2,\n", "line 2: '2' is no prob"),
        ("path,label\n", "is no predictions.csv"),
    ],
)
def test_what_is_no_night_is_refused(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_night(path)


def test_a_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .*none\.csv: No such file"):
        read_night(tmp_path / "none.csv")


def test_the_doubtful_come_first(night):
    images = [night.images[row] for row in night.rank_doubts()]
    assert [name[2:-4] for name in images] == [
        "broken", "cat", "dog", "many", "dark", "half", "fair", "sure",
    ]  # fmt: skip


def test_foreign_and_damaged_images_come_before_every_other(make_night):
    """Whatever their number and probabilities, and wherever they stand in the file."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(500):
        first = float(rng.uniform(0.4, 1))
        reasons = [(), (), ("uncertain",), ("low-quality",), ("unfamiliar",)][number % 5]
        scores = {} if number % 50 == 7 else {"nv": first, "mel": 1 - first}
        rows.append((str(number), scores, ("nv", "mel")[: number % 3], reasons, ""))
    night = make_night(rows)
    order = night.rank_doubts()
    assert sorted(order) == list(range(500))
    kinds = ["unread" if not night.is_read[row] else "".join(night.reviews[row]) for row in order]
    assert list(dict.fromkeys(kinds)) == ["unread", "unfamiliar", "uncertain", "low-quality", ""]


def test_among_equal_doubts_the_strictest_alert_comes_first(make_night):
    alerts = [None, 0.95, 0.9, None]
    rows = [(str(n), {"nv": 0.9}, ("nv",), (), "", alert) for n, alert in enumerate(alerts)]
    rows.append(("strange", {"nv": 0.9}, ("nv",), ("unfamiliar",), ""))
    assert make_night(rows).rank_doubts().tolist() == [4, 2, 1, 0, 3]
