"""What the reasons for a review are worth, of a file of predictions."""

import csv
import json

import pytest

from trifuse.studies.evaluation.matched import match_predictions
from trifuse.studies.evaluation.review_figures import measure_review, review_result
from trifuse.studies.result_tables import to_markdown

N = 120


@pytest.fixture
def match(tmp_path):
    """Match images of which every third is wrong, with the reasons that a function gives."""

    def match_rows(review, head="review,prediction_set,"):
        lines = [f"image,status,label_1,probability_1,{head}message"]
        for row in range(N):
            label = "nv" if row % 3 else "mel"
            cells = f"{review(row)},nv," if head else ""
            lines.append(f"{row},ok,{label},0.9,{cells}")
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join(lines) + "\n")
        truth = {str(row): "nv" for row in range(N)} | {"0": "mel"}
        lesions = {str(row): str(row // 2) for row in range(N)}
        return match_predictions(path, truth, lesions)

    return match_rows


def test_each_reason_of_the_file_and_any(match):
    def review(row):
        reasons = ["uncertain"] * (row % 3 == 0) + ["odd"] * (row < 60) + [""]
        return ";".join(reasons).rstrip(";")

    found = measure_review(match(review))
    assert list(found) == ["odd", "uncertain", "any"]
    uncertain = found["uncertain"]
    assert (uncertain.images, uncertain.wrong, uncertain.lesions) == (40, 39, 40)
    assert uncertain.found.value == 1
    assert uncertain.unflagged.value == 0
    assert uncertain.lift.value == pytest.approx(39 / 40 / (39 / 120))
    assert uncertain.judge() == "wrong more often"
    assert found["odd"].judge() == "no better than chance"
    assert found["any"].images == 80


def test_training_images_are_left_out(match):
    found = measure_review(
        match(lambda row: "uncertain;training-image" if row < 30 else "uncertain" * (row < 60))
    )
    assert list(found) == ["uncertain", "any"]
    assert (found["uncertain"].images, found["uncertain"].wrong) == (30, 10)
    assert found["uncertain"].share.value == 30 / 90


@pytest.mark.parametrize("head", ["", "review,prediction_set,"])
def test_without_a_reason_there_is_nothing(match, head):
    assert measure_review(match(lambda _: "", head)) == {}


def test_every_form(match):
    result = review_result(measure_review(match(lambda row: "odd" * (row < 60))))
    rows = list(csv.DictReader(result.csv.splitlines()))
    assert [row["reason"] for row in rows] == ["odd", "any"]
    assert float(rows[0]["cost"]) == pytest.approx(60 / 19, rel=1e-5)
    assert rows[0]["told"] == "no better than chance"
    assert float(rows[0]["lift_low"]) <= float(rows[0]["lift"]) <= float(rows[0]["lift_high"])
    text = to_markdown(result.tables[0])
    assert "no better than chance" in text
    plain = json.loads(json.dumps(result.plain, allow_nan=False))
    assert plain["odd"]["images"] == 60
    assert len(plain["odd"]["lift"]) == 3
