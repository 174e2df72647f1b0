"""Two readers: kappa is scikit-learn's, its interval holds, and each difference is listed."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import cohen_kappa_score

from trifuse.cli.main import cli
from trifuse.datasets.corrections import read_corrections
from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.agreement import compare_readers

CLASSES = np.array(["bkl", "mel", "nv"])


@pytest.fixture
def write(tmp_path):
    """Write what a reader decided, {image: label}; an empty label is unsure."""

    def write_labels(name, labels, group=None):
        lines = ["image,predicted,label,decision" + (",group" if group else "")]
        for image, label in labels.items():
            decision = "change" if label else "unsure"
            lines.append(f"{image},,{label},{decision}" + (f",{group(image)}" if group else ""))
        path = tmp_path / name
        path.write_text("\n".join(lines))
        return path

    return write_labels


def draw_readers(draw, n_images=150):
    """Give labels of two readers, and the kappa of the readers that they were drawn from."""
    one = draw.choice(3, n_images, p=[0.2, 0.3, 0.5])
    other = np.where(draw.random(n_images) < 0.6, one, draw.choice(3, n_images, p=[0.2, 0.3, 0.5]))
    return one, other, 0.6


def name_labels(places):
    return {f"{row}.jpg": str(CLASSES[place]) for row, place in enumerate(places)}


def compare(*paths):
    return compare_readers(*(read_corrections([path]) for path in paths))


def test_kappa_is_scikit_learns_and_its_interval_holds(write):
    draw, inside, values, widths = np.random.default_rng(0), [], [], []
    for _ in range(60):
        one, other, so = draw_readers(draw)
        found = compare(write("a.csv", name_labels(one)), write("b.csv", name_labels(other)))
        assert found.kappa.value == pytest.approx(cohen_kappa_score(one, other))
        assert found.share.value == pytest.approx((one == other).mean())
        inside.append(found.kappa.low <= so <= found.kappa.high)
        values.append(found.kappa.value)
        widths.append(found.kappa.high - found.kappa.low)
    assert np.mean(inside) > 0.88
    assert np.mean(widths) < 1.3 * 2 * 1.96 * np.std(values)


def test_every_difference_is_listed_and_unsure_ones_are_in_no_figure(write):
    first = write("a.csv", {"1": "mel", "2": "nv", "3": "", "4": "nv", "5": "", "6": "nv"})
    second = write("b.csv", {"6": "nv", "5": "", "2": "mel", "3": "nv", "1": "mel", "9": "mel"})
    found = compare(first, second)
    assert found.differences == (("2", "nv", "mel"), ("3", "unsure", "nv"))
    assert (found.n_unsure, found.n_single) == (2, 2)
    assert found.classes == ("mel", "nv")
    assert found.confusion.tolist() == [[1, 0], [1, 1]]


def test_letter_case_is_no_difference(write):
    found = compare(
        write("a.csv", {"1": "mel", "2": "nv"}), write("b.csv", {"1": "MEL", "2": "NV"})
    )
    assert (found.kappa.value, found.differences, found.classes) == (1, (), ("mel", "nv"))


def test_lesions_are_drawn_whole(write):
    labels = [
        name_labels(np.repeat(one, 6)) for one in draw_readers(np.random.default_rng(1), 25)[:2]
    ]
    alone = compare(write("a.csv", labels[0]), write("b.csv", labels[1]))
    whole = compare(
        write("a.csv", labels[0], lambda image: int(image.split(".")[0]) // 6),
        write("b.csv", labels[1]),
    )
    assert whole.kappa.value == alone.kappa.value
    assert whole.kappa.high - whole.kappa.low > 1.5 * (alone.kappa.high - alone.kappa.low)


def test_kappa_of_one_class_is_not_defined(write):
    labels = {"1": "nv", "2": "nv"}
    found = compare(write("a.csv", labels), write("b.csv", labels))
    assert np.isnan(found.kappa).all()
    assert found.share.value == 1
    assert found.to_dict()["kappa"] == {"value": None, "low": None, "high": None}


def test_nothing_in_common_is_one_sentence(write):
    with pytest.raises(DatasetError, match="no image has a label in both files; give two readers'"):
        compare(write("a.csv", {"1": "nv", "2": ""}), write("b.csv", {"2": "nv"}))


def test_the_command(write, tmp_path):
    first, second = (
        write("a.csv", {"1": "nv", "=2|": "mel"}),
        write("b.csv", {"1": "nv", "=2|": "nv"}),
    )
    run = CliRunner()
    for name, text in (
        ("d.csv", "image,first,second\n'=2|,mel,nv\n"),
        (
            "d.md",
            "| image | first | second |\n| :---- | ----: | -----: |\n| =2\\|  |   mel |     nv |\n",
        ),
    ):
        path = tmp_path / name
        result = run.invoke(cli, ["agreement", str(first), str(second), "-o", str(path)])
        assert (result.exit_code, result.stderr) == (0, "They differ on 1 images.\n")
        assert path.read_text() == text
    assert "kappa" in result.stdout
    result = run.invoke(cli, ["agreement", str(first), str(second), "--json"])
    assert json.loads(result.stdout)["agreement"]["value"] == 0.5
    result = run.invoke(cli, ["agreement", str(first), str(second), "-o", "x.html"])
    assert result.exit_code == 2


def test_the_page_is_one_more_file(write, tmp_path):
    first, second = write("a.csv", {"1": "nv", "2": "mel"}), write("b.csv", {"1": "nv", "2": "nv"})
    run, page, differences = CliRunner(), tmp_path / "page.html", tmp_path / "d.csv"
    command = ["agreement", str(first), str(second), "--page", str(page)]
    assert run.invoke(cli, [*command, "-o", str(differences)]).exit_code == 0
    assert "First: a.csv. Second: b.csv." in page.read_text()
    assert differences.read_text() == "image,first,second\n2,mel,nv\n"
    again = run.invoke(cli, command)
    assert (again.exit_code, "exists already" in str(again.exception)) == (1, True)
    page = tmp_path / "d.md"
    same = run.invoke(cli, [*command[:-1], str(page), "-o", str(page)])
    assert (same.exit_code, page.exists()) == (2, False)
    read = run.invoke(cli, [*command[:-1], str(first), "--overwrite"])
    assert (read.exit_code, "itself read" in str(read.exception)) == (1, True)
