"""The guard tells of duplicates in one line, or merges their groups."""

import pytest

from trifuse.datasets.duplicates import separated_pairs
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.studies.duplicates.find import find_duplicates
from trifuse.studies.duplicates.guard import guard_groups


@pytest.fixture
def guard():
    def run(table, merge):
        said = []
        return guard_groups(table, merge, say=said.append), said

    return run


@pytest.fixture
def table(draw, make_archive):
    """Eight pictures in groups of their own; three show one thing, under one label."""
    pictures = {f"{seed}.png": draw(seed) for seed in range(8)}
    pictures |= {"2.png": draw(0)[8:], "4.png": draw(0)[:, 8:]}
    return make_archive(pictures, "abababab", "stuvwxyz")


@pytest.mark.parametrize("merge", [False, True])
def test_without_duplicates_nothing_is_said(merge, draw, make_archive, guard):
    table = make_archive({f"{seed}.png": draw(seed) for seed in range(4)})
    assert guard(table, merge) == (table, [])


def test_pairs_are_told_in_one_line(table, guard):
    same, said = guard(table, merge=False)
    assert same is table
    first, second = find_duplicates(table)[0][:2]
    assert said == [
        f"warning: 3 pairs of images (such as '{first}.png' and '{second}.png') show the same "
        "thing in different groups, which folds can separate; say --merge-duplicates to keep them "
        "together, or see them with trifuse duplicates"
    ]


def test_merged_groups_are_in_one_fold(table, guard):
    pairs = find_duplicates(table)

    def separated(groups, seed):
        return separated_pairs(pairs, grouped_stratified_folds(table.labels, groups, 2, seed))

    assert any(separated(table.groups, seed) for seed in range(5))
    merged, said = guard(table, merge=True)
    assert merged.groups == tuple("stsvsxyz")
    assert said == ["merged the groups of duplicates: 8 groups became 6"]
    assert not any(separated(merged.groups, seed) for seed in range(5))


def test_two_labels_of_one_thing_are_told(draw, make_archive, guard):
    pictures = {f"{seed}.png": draw(seed) for seed in range(4)} | {"copy.png": draw(1)}
    table = make_archive(pictures, "ababa")
    merged, said = guard(table, merge=True)
    assert merged == table
    assert said == [
        "merged the groups of duplicates: 5 groups became 5",
        "warning: 1 pair of images (such as '1.png' and 'copy.png') shows the same thing under two "
        "labels and cannot be merged; correct the labels, or leave the images out",
    ]


def test_unreadable_images_are_left_to_the_training(draw, make_archive, guard):
    table = make_archive(
        {"a.png": draw(0), "b.jpg": b"\xff\xd8\xff", "c.jpg": b"", "d.png": draw(1)}
    )
    assert guard(table, merge=True) == (table, [])
