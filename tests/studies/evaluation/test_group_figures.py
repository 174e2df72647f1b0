"""Figures by group: against figures worked out by hand, and those of all images."""

import math

import numpy as np
import pytest

from trifuse.classifiers.metrics import bootstrap_intervals, compute_metrics
from trifuse.studies.evaluation.group_figures import exchange_test, measure_groups
from trifuse.studies.evaluation.group_tables import (
    group_rows,
    groups_csv,
    make_group_tables,
)
from trifuse.studies.evaluation.groups import Group
from trifuse.studies.evaluation.matched import match_predictions
from trifuse.studies.result_files import tables_to_markdown

# label, in the group, answer, prediction set, lesion
IMAGES = [
    ("a", 1, "a", "a", "1"),
    ("a", 1, "a", "a;b", "1"),
    ("a", 0, "a", "a", "2"),
    ("a", 0, "b", "b;c", "3"),
    ("b", 1, "a", "a;b;c", "4"),
    ("b", 0, "b", "b", "5"),
    ("c", 0, "c", "c", "6"),
]


@pytest.fixture
def match(tmp_path):
    """Match rows like `IMAGES`, with what the file says of training."""

    def match_rows(rows, review="", sets=True):
        lines = ["image,status,label_1,probability_1,probability_of_a,probability_of_b,"
                 "probability_of_c,review,prediction_set,message"]  # fmt: skip
        for i, (_, _, answer, names, _) in enumerate(rows):
            shares = ",".join("0.6" if name == answer else "0.2" for name in "abc")
            lines.append(f"{i},ok,{answer},0.6,{shares},{review},{names if sets else ''},")
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join(lines) + "\n")
        truth = {str(i): row[0] for i, row in enumerate(rows)}
        return match_predictions(path, truth, {str(i): row[4] for i, row in enumerate(rows)})

    return match_rows


def group_of(rows, column="sex", value="f"):
    return Group(column, value, np.array([row[1] == 1 for row in rows]))


def test_figures_are_those_worked_out_by_hand(match):
    everyone, found = measure_groups(match(IMAGES), [group_of(IMAGES)])
    assert (everyone.name, everyone.n_images, everyone.n_lesions) == ("all", 7, 6)
    assert (found.name, found.n_images, found.n_lesions) == ("sex: f", 3, 2)
    assert found.n_rest == 3  # of a and b
    assert found.figures["accuracy"].value == pytest.approx(2 / 3)
    assert found.figures["bma"].value == pytest.approx((1 + 0) / 2)
    assert found.figures["coverage"].value == 1
    assert found.figures["set_size"].value == pytest.approx((1 + 2 + 3) / 3)
    assert everyone.figures["coverage"].value == pytest.approx(6 / 7)
    # Two of a: all right, in the rest 1 of 2; one of b: wrong, in the rest 1 of 1.
    assert found.differences["accuracy"].value == pytest.approx((2 * 0.5 - 1) / 3)
    assert found.differences["coverage"].value == pytest.approx((2 * 0.5 + 0) / 3)
    assert found.differences["set_size"].value == pytest.approx((2 * (1.5 - 1.5) + 3 - 1) / 3)
    assert math.isnan(everyone.differences["accuracy"].value)
    assert found.too_few
    assert all(map(math.isnan, found.p.values()))


def test_all_images_have_the_figures_and_intervals_of_the_whole(match):
    images = match(IMAGES)
    (everyone,) = measure_groups(images, [])
    metrics = compute_metrics(images.probabilities, images.labels, "abc", images.lesions)
    intervals = bootstrap_intervals(images.probabilities, images.labels, images.lesions, "abc")
    for name in ("bma", "accuracy", "macro_auc", "log_loss", "brier", "ece"):
        value, *interval = everyone.figures[name]
        assert value == getattr(metrics, name)
        assert tuple(interval) == intervals[name]


def many(wrong, n=60, sets=("a", "a")):
    """Give n lesions of class a in the group, and n beyond it that are all right."""
    inside = [("a", 1, "b" if i < wrong else "a", sets[0], f"i{i}") for i in range(n)]
    return [*inside, *[("a", 0, "a", sets[1], f"o{i}") for i in range(n)]]


def test_a_difference_beyond_chance_is_found_and_corrected(match):
    rows = many(30)
    _, found = measure_groups(match(rows), [group_of(rows)])
    assert found.differences["accuracy"].value == -0.5
    assert found.differences["accuracy"].high < -0.3
    assert found.p == {"accuracy": 1 / 5000, "coverage": 1, "set_size": 1}
    assert found.corrected_p == pytest.approx({"accuracy": 3 / 5000, "coverage": 1, "set_size": 1})
    assert not found.too_few


def test_a_group_held_against_few_lesions_is_not_tested(match):
    """The rest has 60 lesions, and 10 of the group's class."""
    rows = [(("b" if i >= 10 else "a") if not row[1] else "a", *row[1:])
            for i, row in zip([*range(60), *range(60)], many(30), strict=True)]  # fmt: skip
    _, found = measure_groups(match(rows), [group_of(rows)])
    assert (found.n_lesions, found.n_rest) == (60, 10)
    assert not found.too_few
    assert not found.tested
    assert all(map(math.isnan, found.p.values()))
    assert found.differences["accuracy"].value == -0.5


def test_a_group_of_which_few_lesions_can_be_compared_is_not_tested(match):
    """It has 60 lesions of a class that is nowhere else, and 2 of the class of the rest."""
    rows = [("b", 1, "b", "b", f"b{i}") for i in range(60)]
    rows += [("a", 1, "b", "b", f"in{i}") for i in range(2)]
    rows += [("a", 0, "a", "a", f"out{i}") for i in range(100)]
    _, found = measure_groups(match(rows), [group_of(rows)])
    assert (found.n_lesions, found.n_compared, found.n_rest) == (62, 2, 100)
    assert not found.tested
    assert all(map(math.isnan, found.p.values()))


def test_what_is_not_known_does_not_disturb_the_order(match):
    names = ["nobody", "small", "lonely", "large"]
    rows = [("a", 0, "a", "a", str(i)) for i in range(20)] + [("c", 0, "c", "c", "c")]
    rows += [("a", 1, "a" if i else "b", "a", f"s{i}") for i in range(4)]
    rows += [("a", 1, "b", "a", f"l{i}") for i in range(2)]
    places = {"small": range(21, 25), "large": range(25, 27), "lonely": [20], "nobody": range(27)}
    groups = [Group("g", name, np.isin(np.arange(27), places[name])) for name in names]
    _, differences = make_group_tables(measure_groups(match(rows), groups))
    of_accuracy = [name for name, cells in differences.rows if cells[0].value == "accuracy"]
    assert [name.split()[1] for name in of_accuracy] == ["large", "small"]


def test_groups_of_other_class_shares_do_not_differ_for_that(match):
    """Of a hard class all are wrong, wherever; the group has more of it."""
    rows = [("b" if i < 50 + 30 * g else "a", g, "a", "a;b", f"{g}{i}")
            for g in (0, 1) for i in range(100)]  # fmt: skip
    everyone, found = measure_groups(match(rows), [group_of(rows)])
    assert found.figures["accuracy"].value == 0.2
    assert everyone.figures["accuracy"].value == 0.35
    assert found.differences["accuracy"] == (0, 0, 0)
    assert found.p["accuracy"] == 1


def test_images_of_one_lesion_are_no_independent_evidence(match):
    """Ten images a lesion tell no more than one."""
    single = many(15)
    tenfold = [row for row in single for _ in range(10)]
    one, ten = (measure_groups(match(rows), [group_of(rows)])[1] for rows in (single, tenfold))
    assert ten.n_lesions == one.n_lesions == 60
    assert ten.n_images == 600
    assert ten.figures["accuracy"].low == pytest.approx(one.figures["accuracy"].low)
    assert ten.differences["accuracy"].low == pytest.approx(one.differences["accuracy"].low)
    assert ten.p["accuracy"] == one.p["accuracy"]


def test_images_of_the_training_are_left_out_unless_there_are_no_others(match, tmp_path):
    images = match(IMAGES, review="training-image")
    assert measure_groups(images, [])[0].n_images == 7
    path = tmp_path / "predictions.csv"
    path.write_text(path.read_text().replace("training-image", "", 3))
    truth = {str(i): row[0] for i, row in enumerate(IMAGES)}
    found = measure_groups(match_predictions(path, truth), [group_of(IMAGES)])
    assert [one.n_images for one in found] == [3, 2]


def test_without_sets_there_is_no_coverage(match):
    rows = many(30)
    _, found = measure_groups(match(rows, sets=False), [group_of(rows)])
    for name in ("coverage", "set_size"):
        assert all(map(math.isnan, found.figures[name]))
        assert all(map(math.isnan, found.differences[name]))
        assert math.isnan(found.p[name])
    assert found.corrected_p["accuracy"] == found.p["accuracy"] == 1 / 5000
    assert group_rows([found])[0]["figures"]["coverage"] == [None, None, None]


def test_the_exchange_test_counts_the_ways_to_exchange():
    """Two right in the group, two wrong beyond: 2 of the 6 ways differ by as much."""
    values, inside = np.array([[1.0, 1, 0, 0], [0, 0, 0, 0]]), np.array([1, 1, 0, 0], bool)
    p = exchange_test(values, inside, np.zeros(4, int), np.arange(4))
    assert p == pytest.approx([1 / 3, 1], abs=0.02)
    # Another class on one side alone changes nothing.
    more = np.pad(values, [(0, 0), (0, 3)])
    wider = np.array([1, 1, 0, 0, 1, 1, 1], bool)
    again = exchange_test(more, wider, np.array([0, 0, 0, 0, 1, 1, 1]), np.arange(7))
    assert again.tolist() == p.tolist()
    none = exchange_test(values, inside, np.array([0, 0, 1, 1]), np.arange(4))
    assert np.isnan(none).all()


def test_a_difference_is_from_what_the_rest_would_do(match):
    """Each image is held against the mean of its class beyond the group."""
    rng = np.random.default_rng(1)
    rows = [("ab"[i % 2], int(rng.random() < 0.3 + 0.4 * (i % 2)), "ab"[int(rng.random() < 0.4)],
             "a", str(i // 3)) for i in range(60)]  # fmt: skip
    inside = np.array([row[1] == 1 for row in rows])
    _, found = measure_groups(match(rows), [group_of(rows)])
    right = np.array([row[0] == row[2] for row in rows])
    is_b = np.array([row[0] == "b" for row in rows])
    expected = np.where(is_b, right[is_b & ~inside].mean(), right[~is_b & ~inside].mean())
    difference = right[inside].mean() - expected[inside].mean()
    assert found.differences["accuracy"].value == pytest.approx(difference)


def test_the_exchange_test_holds_its_level():
    """Where nothing differs, p is below 0.1 in about a tenth of the groups."""
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        labels = rng.integers(3, size=80)
        values = (rng.random((1, 80)) < np.array([0.9, 0.6, 0.3])[labels]).astype(float)
        inside = rng.random(80) < 0.2 + 0.2 * labels
        found.append(exchange_test(values, inside, labels, np.arange(80), 199)[0])
    assert 0.04 < np.mean(np.array(found) <= 0.1) < 0.16


def test_tables_mark_few_lesions_and_begin_with_the_largest_difference(match):
    rows = many(30)
    halves = [Group("half", str(h), np.arange(120) % 40 < h) for h in (10, 30)]
    measured = measure_groups(match(rows), [*halves, group_of(rows)])
    figures, differences = make_group_tables(measured)
    assert figures.header[:5] == ("group", "lesions", "images", "BMA", "accuracy")
    names = [name for name, _ in figures.rows]
    assert names == ["all", "half: 10 (too few)", "half: 30", "sex: f"]
    first = [(name, cells[0].value, cells[3].value) for name, cells in differences.rows[:3]]
    assert first[0] == ("sex: f", "accuracy", "-0.500")
    assert first[-1][0] == "half: 10 (too few)"
    assert [cells[-1].value for _, cells in differences.rows[:3]][-1] == "-"
    assert "| sex: f " in tables_to_markdown([figures, differences])
    header, *lines = groups_csv(measured).splitlines()
    assert header.startswith(
        "column,group,lesions,images,compared_lesions,rest_lesions,too_few,bma,bma_low,bma_high,"
    )
    assert lines[1].startswith("half,10,30,30,30,90,yes,")
    assert len(lines) == 4
