"""The report of an image: the figure, the numbers, or why there are none."""

import pickle

import pytest

from trifuse.studies.explanation.explain import ExplanationError, explain_image
from trifuse.studies.explanation.report import Reporter, find_class


def test_a_report(model, image, pictures):
    report = Reporter(model)(pictures[0])
    probabilities = model.predict(image)
    index = int(probabilities.argmax())
    explained = explain_image(model, image, index)
    assert report.class_name == model.classes[index]
    assert report.figure.startswith(b"\x89PNG")
    areas = {name: report.numbers.pop(name) for name in ("deletion", "insertion", "random")}
    assert all(0 <= area <= 1 for area in areas.values())
    assert report.numbers == {
        "probability": pytest.approx(probabilities[index]),
        "explained": pytest.approx(model.ensemble.member_weights["svm"]),
        "evidence": pytest.approx(explained.evidence),
        "constant": pytest.approx(explained.constant),
        **{name: pytest.approx(part) for name, part in explained.parts.items()},
    }


def test_another_class_and_format_by_content_in_another_process(model, pictures):
    reporter = pickle.loads(pickle.dumps(Reporter(model, ".svg", 3)))
    with open(pictures[0], "rb") as file:  # noqa: PTH123
        content = file.read()
    by_path, by_content = reporter(pictures[0]), reporter(content)
    assert by_path == by_content
    assert by_path.class_name == model.classes[3]
    assert by_path.figure.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("none.jpg", "cannot read the image: there is no such file"),
        (b"", "cannot read the image: it is empty"),
    ],
)
def test_what_cannot_be_read_gives_the_reason(model, source, reason):
    assert Reporter(model)(source) == reason


def test_classes_by_name(model):
    assert find_class(model, "synthetic_c") == 2
    with pytest.raises(ExplanationError) as caught:
        find_class(model, "mel")
    assert str(caught.value) == (
        f"The model has no class 'mel'; it has {', '.join(model.classes)}."
    )
