"""The report of an image: the figure, the numbers, or why there are none."""

import pickle

import pytest

from trifuse.studies.explanation import explainer as module
from trifuse.studies.explanation.curves import Curves
from trifuse.studies.explanation.evidence import (
    ExplanationError,
    explain_image,
    explained_share,
)
from trifuse.studies.explanation.explainer import (
    BETTER,
    LONGEST_NAME,
    NO_BETTER,
    Explainer,
    find_class,
)
from trifuse.studies.explanation.explanation_figure import draw_explanation

pytestmark = pytest.mark.slow


def test_a_report(model, image, pictures):
    told = Explainer(model)((pictures[0], None))
    probabilities = model.predict(image)
    index = int(probabilities.argmax())
    explained = explain_image(model, image, index)
    assert told.class_name == model.classes[index]
    assert told.figure.startswith(b"\x89PNG")
    areas = {name: told.numbers.pop(name) for name in ("deletion", "insertion", "random")}
    assert all(0 <= area <= 1 for area in areas.values())
    assert told.numbers == {
        "probability": pytest.approx(probabilities[index]),
        "explained": pytest.approx(explained_share(model.ensemble)),
        "evidence": pytest.approx(explained.evidence),
        "constant": pytest.approx(explained.constant),
        **{name: pytest.approx(part) for name, part in explained.parts.items()},
    }


def test_another_class_and_format_by_content_in_another_process(model, pictures):
    explainer = pickle.loads(pickle.dumps(Explainer(model, ".svg", 3)))
    with open(pictures[0], "rb") as file:  # noqa: PTH123
        content = file.read()
    by_path, by_content = explainer((pictures[0], None)), explainer((pictures[0], content))
    assert by_path == by_content
    assert by_path.class_name == model.classes[3]
    assert by_path.figure.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read the image: there is no such file"),
        (b"", "cannot read the image: it is empty"),
    ],
)
def test_what_cannot_be_read_gives_the_reason(model, content, reason):
    assert Explainer(model)(("none.jpg", content)) == reason


@pytest.fixture
def said(monkeypatch):
    """The captions of the figures that are drawn."""
    captions = []

    def draw(image, explanation, curves, **given):
        captions.append(given)
        return draw_explanation(image, explanation, curves, **given)

    monkeypatch.setattr(module, "draw_explanation", draw)
    return captions


def test_the_figure_says_what_is_to_be_known(model, image, pictures, said, monkeypatch):
    told = Explainer(model, class_index=2)((pictures[0], None))
    (captions,) = said
    name, classes, review = captions["title"].split("\n")
    assert name == pictures[0][-LONGEST_NAME:] or name == f"…{pictures[0][-LONGEST_NAME:]}"
    probabilities = model.predict(image)
    three = sorted(range(7), key=lambda index: -probabilities[index])[:3]
    assert classes == ",  ".join(f"{model.classes[i]} {probabilities[i]:.2f}" for i in three)
    assert "training-image" in review  # as it is
    assert captions["verdict"] == f"the map of synthetic_c is {told.verdict}"
    numbers = told.numbers
    assert captions["note"].startswith(
        f"Evidence for synthetic_c: {numbers['evidence']:+.2f} = {numbers['constant']:+.2f} "
    )
    assert f"with {numbers['explained']:.0%} of the ensemble" in captions["note"]


@pytest.mark.parametrize("beats", [True, False])
def test_the_verdict_is_that_of_the_curves(model, pictures, said, monkeypatch, beats):
    monkeypatch.setattr(Curves, "beat_random", beats)
    told = Explainer(model)((pictures[0], None))
    assert told.verdict == (BETTER if beats else NO_BETTER)
    assert said[0]["verdict"].endswith(told.verdict)


def test_odd_names_are_one_line(model, image, said):
    """A new image is no training image, and a name's control characters and bytes are not drawn."""
    Explainer(model).report(255 - image, "a\n\x1b\udcff" + 150 * "b" + ".jpg")
    name, _, review = said[0]["title"].split("\n")
    assert name.startswith("…b")
    assert "training-image" not in review
    Explainer(model).report(image, "a\n\x1b\udcff.jpg")
    assert said[1]["title"].startswith("a\ufffd\ufffd\ufffd.jpg\n")


def test_classes_by_name(model):
    assert find_class(model, "synthetic_c") == 2
    with pytest.raises(ExplanationError) as caught:
        find_class(model, "mel")
    assert str(caught.value) == (
        f"The model has no class 'mel'; it has {', '.join(model.classes)}."
    )
