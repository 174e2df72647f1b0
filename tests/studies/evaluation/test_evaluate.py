"""Scored images and their truth find each other; each counts once, and what is left out is said."""

import pytest

from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.evaluate import evaluate_predictions


def test_counts_what_is_left_out(scored, write, truth):
    probabilities, _ = scored
    del truth["0"], truth["1"]
    truth |= {"broken": "nv", "elsewhere": "mel"}
    path = write(probabilities, extra=["photos/broken.jpg", "photos/unknown.jpg", "x.jpg"])
    evaluation = evaluate_predictions(path, truth)
    assert evaluation.metrics == evaluate_predictions(write(probabilities), truth).metrics
    assert evaluation.to_dict()["images"] == {
        "scored": 58,
        "unread": 3,
        "without_truth": 2,
        "without_prediction": 1,
        "matched_in_other_folders": 0,
    }
    assert evaluation.to_text().startswith(
        "58 images scored and compared with the truth.\n"
        "3 images could not be read: in no figure below.\n"
        "2 images scored without a truth: left out.\n"
        "1 image of the truth without a prediction.\n\n"
    )


def test_counts_what_was_matched_by_file_name_though_its_folder_is_another(scored, write, truth):
    probabilities, _ = scored
    folders = {"0": "/archive/val/", "1": "other/", "2": "/archive/photos/", "3": "photos/"}
    truth = {folders.get(name, "") + name: label for name, label in truth.items()}
    evaluation = evaluate_predictions(write(probabilities), truth)
    assert evaluation.metrics == evaluate_predictions(write(probabilities), truth).metrics
    assert evaluation.to_dict()["images"]["matched_in_other_folders"] == 2
    assert (
        "\n2 images matched by file name alone: the truth has another folder.\n"
        in evaluation.to_text()
    )


def test_classes_match_in_any_letter_case(scored, write, truth):
    probabilities, _ = scored
    path = write(probabilities)
    upper = {key: label.upper() for key, label in truth.items()}
    one, other = evaluate_predictions(path, truth), evaluate_predictions(path, upper)
    assert one.to_dict() == other.to_dict()


def test_classes_that_differ_in_case_alone_match_exactly(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(
        "image,status,label_1,probability_1,probability_A,probability_a,message\n"
        "x,ok,A,0.9,0.9,0.1,\ny,ok,a,0.7,0.3,0.7,\n"
    )
    assert evaluate_predictions(path, {"x": "A", "y": "a"}).metrics.accuracy == 1.0
    assert evaluate_predictions(path, {"x": "a", "y": "A"}).metrics.accuracy == 0.0


@pytest.mark.parametrize(
    ("classes", "truth", "theirs"),
    [
        ("Aa", ["A", "a", "A"], None),
        ("ab", ["A", "B", "B"], None),
        ("ßb", ["SS", "b", "B"], "'B' and 'b'"),
        ("ab", ["A", "a", "b"], "'A' and 'a'"),
    ],
)
def test_one_class_has_one_spelling_in_the_truth(tmp_path, classes, truth, theirs):
    path = tmp_path / "predictions.csv"
    row = f"ok,{classes[0]},0.9,0.9,0.1,\n"
    path.write_text(
        f"image,status,label_1,probability_1,{','.join(f'probability_of_{c}' for c in classes)},"
        f"message\nx,{row}y,{row}z,{row}"
    )
    table = dict(zip("xyz", truth, strict=True))
    if theirs is None:
        assert evaluate_predictions(path, table).metrics.n_images == 3
    else:
        with pytest.raises(DatasetError, match=f"are ambiguous: .* and the truth {theirs}; spell"):
            evaluate_predictions(path, table)


def test_refuses_a_class_that_two_may_be_meant_by(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(
        "image,status,label_1,probability_1,message\nx,ok,Benign,0.9,\ny,ok,benign,0.8,\n"
    )
    with pytest.raises(DatasetError, match="names 'Benign' and 'benign', and the truth 'BENIGN';"):
        evaluate_predictions(path, {"x": "BENIGN", "y": "BENIGN"})


def test_refuses_an_unknown_class_of_the_truth(scored, write, truth):
    probabilities, _ = scored
    truth = truth | {"5": "scc"}
    with pytest.raises(DatasetError, match=r"'scc' of the truth is none .*: df, mel, nv, vasc$"):
        evaluate_predictions(write(probabilities), truth)
    with pytest.raises(DatasetError, match=r"'scc' .*vasc; predict --probabilities names every"):
        evaluate_predictions(write(probabilities, whole=False), truth)


def test_refuses_two_rows_of_one_image(scored, write, truth):
    path = write(scored[0])
    path.write_text(path.read_text() + path.read_text().splitlines()[8].replace("photos", "copy"))
    with pytest.raises(DatasetError, match=r"'photos/7\.jpg' and 'copy/7\.jpg', for one .*'7'"):
        evaluate_predictions(path, truth)


def test_refuses_the_same_one_letter_name_twice(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text("image,status,label_1,probability_1,message\nx,ok,a,0.9,\nx,ok,b,0.8,\n")
    with pytest.raises(DatasetError, match="two rows, 'x' and 'x'"):
        evaluate_predictions(path, {"x": "a"})


def test_says_why_nothing_can_be_compared(scored, write, truth):
    path = write(scored[0])
    with pytest.raises(DatasetError, match=r"it names 'photos/0\.jpg', but .* like 'ISIC_1'$"):
        evaluate_predictions(path, {"ISIC_1": "nv"})
    with pytest.raises(DatasetError, match="but the truth is empty"):
        evaluate_predictions(path, {})
    with pytest.raises(DatasetError, match=r"no scored image \(1 image could not be read\)"):
        evaluate_predictions(write([], extra=["x.jpg"]), {"x": "nv"})
