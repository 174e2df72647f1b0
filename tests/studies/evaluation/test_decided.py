"""Decisions as the truth: the figures are those of the same labels, and say what they are not."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from trifuse.cli.main import cli
from trifuse.datasets.corrections import read_corrections
from trifuse.studies.evaluation.decided import evaluate_decided
from trifuse.studies.evaluation.evaluate import evaluate_predictions


@pytest.fixture
def corrections(scored, classes, tmp_path):
    """Decisions of the first 20 images; every fifth is unsure."""
    probabilities, labels = scored
    lines = ["image,predicted,label,decision,by,at,remark"]
    for row in range(20):
        first, label = (classes[k] for k in (probabilities[row].argmax(), labels[row]))
        decision = "accept" if first == label else "change"
        if row % 5 == 0:
            label, decision = "", "unsure"
        lines.append(f"photos/{row}.jpg,{first},{label},{decision},,,")
    path = tmp_path / "corrections.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def classes():
    return ["df", "mel", "nv", "vasc"]


def test_the_figures_are_those_of_the_labels(scored, classes, write, corrections):
    probabilities, labels = scored
    path = write(probabilities)
    truth = {f"photos/{row}.jpg": classes[labels[row]] for row in range(20) if row % 5}
    found = evaluate_decided(path, read_corrections([corrections])).to_dict()
    plain = evaluate_predictions(path, truth).to_dict()
    right = sum(probabilities[row].argmax() == labels[row] for row in range(20) if row % 5)
    assert found["metrics"] == plain["metrics"]
    assert found["metrics"]["accuracy"] == pytest.approx(right / 16)
    assert found["decisions"] == {"accept": right, "change": 16 - right, "unsure": 4}


def test_the_command_says_that_doubt_chose_them(scored, write, corrections):
    path = str(write(scored[0]))
    result = CliRunner().invoke(cli, ["evaluate", path, str(corrections)])
    assert result.exit_code == 0
    assert "unsure: in no figure.\n16 images scored and compared with the truth." in result.stdout
    assert "warning: these images were chosen by doubt: " in result.stderr
    assert result.stderr.endswith("and estimate nothing of the whole.\n")
    result = CliRunner().invoke(cli, ["evaluate", path, str(corrections), "--json"])
    assert json.loads(result.stdout)["warning"].endswith("estimate nothing of the whole")


def test_what_is_wrong_in_the_file_ends_in_one_sentence(scored, write, corrections):
    corrections.write_text(corrections.read_text().replace("accept", "maybe"))
    result = CliRunner().invoke(cli, ["evaluate", str(write(scored[0])), str(corrections)])
    assert "the decision is 'maybe' instead of" in str(result.exception)


@pytest.fixture
def audited(scored, classes, tmp_path):
    """An audit of 20 of 60 images, all decided but one."""
    probabilities, labels = scored
    lines = ["image,predicted,label,decision,audit"]
    for row in range(0, 57, 3):
        first, label = (classes[k] for k in (probabilities[row].argmax(), labels[row]))
        decision = "accept" if first == label else "change"
        lines.append(f"photos/{row}.jpg,{first},{label},{decision},20 of 60")
    path = tmp_path / "audited.csv"
    path.write_text("\n".join(lines))
    return path


def test_an_audit_tells_of_the_night(scored, write, audited):
    probabilities, labels = scored
    path = str(write(probabilities))
    result = CliRunner().invoke(cli, ["evaluate", path, str(audited)])
    assert result.stdout.startswith(
        "The night's 60 images, estimated with 95 % intervals from 20 drawn at random (19 decided, "
        "0 unsure), and by weights with the 0 most doubtful, all decided:\n"
    )
    assert "1 of the 20 images drawn are not decided" in result.stderr
    night = json.loads(CliRunner().invoke(cli, ["evaluate", path, str(audited), "--json"]).stdout)[
        "night"
    ]
    right = (probabilities.argmax(axis=1) == labels)[0:57:3].mean()
    assert night["alone"]["accuracy"]["value"] == pytest.approx(right)
    assert night["alone"]["accuracy"] == night["weighted"]["accuracy"]


def test_an_audit_alone_was_not_chosen_by_doubt(scored, write, audited):
    result = CliRunner().invoke(cli, ["evaluate", str(write(scored[0])), str(audited)])
    assert "doubt" not in result.stderr


def test_the_doubtful_ones_that_are_all_decided_stand_for_themselves(
    scored, classes, write, tmp_path
):
    """Of 60 images the 15 of the lowest first probability, and every third as an audit."""
    probabilities, labels = scored
    first, is_drawn = probabilities.argmax(axis=1), np.arange(60) % 3 == 0
    order = np.argsort(probabilities.max(axis=1), kind="stable")
    decided = is_drawn | np.isin(np.arange(60), order[:15])
    n_known = int(np.flatnonzero(~decided[order])[0])
    while is_drawn[order[n_known - 1]]:
        n_known -= 1
    lines = ["image,predicted,label,decision,audit"]
    for row in np.flatnonzero(decided):
        answer, label = classes[first[row]], classes[labels[row]]
        decision = "accept" if answer == label else "change"
        audit = "20 of 60" if is_drawn[row] else ""
        lines.append(f"photos/{row}.jpg,{answer},{label},{decision},{audit}")
    (path := tmp_path / "both.csv").write_text("\n".join(lines))
    predictions = write(probabilities, extra=["broken.jpg", "gone.jpg"])
    found = evaluate_decided(predictions, read_corrections([path]))
    right, known, others = first == labels, order[:n_known], order[n_known:]
    sample = others[is_drawn[others]]
    weight = len(others) / len(sample)
    assert found.night.n_known == n_known >= 14
    expected = (right[known].sum() + weight * right[sample].sum()) / 60
    assert found.night.weighted["accuracy"].value == pytest.approx(expected)
    assert found.night.alone["accuracy"].value == pytest.approx(right[is_drawn].mean())
    assert "some decided images were chosen by doubt" in found.warning


def test_the_audit_of_another_night_is_refused(scored, write, audited):
    path = str(write(scored[0][:50]))
    result = CliRunner().invoke(cli, ["evaluate", path, str(audited)])
    assert "the audit is not of " in str(result.exception)
    assert "give the predictions that the page was made of" in str(result.exception)


def test_where_every_image_is_unsure_it_says_so(scored, write, tmp_path):
    (path := tmp_path / "u.csv").write_text(
        "image,predicted,label,decision\nphotos/1.jpg,nv,,unsure\n"
    )
    result = CliRunner().invoke(cli, ["evaluate", str(write(scored[0])), str(path)])
    assert "the reader is unsure of every image" in str(result.exception)
