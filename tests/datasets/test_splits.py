"""Splits never separate a lesion, and each fold resembles the whole."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.datasets.splits import grouped_stratified_folds, original_holdout
from trifuse.datasets.table import DatasetError


@st.composite
def archives(draw):
    """Labels and groups of lesions with one to four images each, in any order."""
    rows = []
    for label in draw(st.sampled_from(["ab", "abc", "abcd"])):
        for lesion in range(draw(st.integers(3, 9))):
            rows += [(label, f"{label}{lesion}")] * draw(st.integers(1, 4))
    rows = draw(st.permutations(rows))
    return [label for label, _ in rows], [group for _, group in rows]


@settings(max_examples=60, deadline=None)
@given(archives(), st.integers(0, 5))
def test_folds_cover_each_image_once_and_keep_groups_and_classes(archive, seed):
    labels, groups = archive
    folds = grouped_stratified_folds(labels, groups, 3, seed)
    assert len(folds) == 3
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(labels)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(labels)))
        assert {groups[i] for i in train}.isdisjoint({groups[i] for i in test})
        assert {labels[i] for i in test} == {labels[i] for i in train} == set(labels)


def test_folds_have_like_class_shares_and_depend_on_the_seed_alone():
    labels = ["nv"] * 300 + ["mel"] * 60 + ["df"] * 15
    groups = [f"{label}{i // 2}" for i, label in enumerate(labels)]
    folds = grouped_stratified_folds(labels, groups, 5, 1)
    for _, test in folds:
        counts = Counter(labels[i] for i in test)
        assert abs(counts["nv"] - 60) <= 2
        assert abs(counts["mel"] - 12) <= 2
        assert abs(counts["df"] - 3) <= 1
    again = grouped_stratified_folds(labels, groups, 5, 1)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))
    other = grouped_stratified_folds(labels, groups, 5, 2)
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(folds, other, strict=True))


def test_too_few_groups_are_told():
    labels = ["nv"] * 5 + ["df"] * 5
    with pytest.raises(DatasetError, match=r"the class df has 2 groups \(lesions\), too few for 3"):
        grouped_stratified_folds(labels, [*"abcde", *"xxxxy"], 3, 0)


def test_a_group_in_two_classes_is_told():
    with pytest.raises(DatasetError, match=r"more than one class: b \(df, nv\)"):
        grouped_stratified_folds(["nv", "nv", "df", "df"], list("abbc"), 2, 0)


class TestOriginalHoldout:
    # As many single-image lesions as HAM10000 has, of which the study drew 938.
    LABELS = ["nv"] * 4415 + ["bkl"] * 440 + ["mel"] * 659 + ["nv", "nv"]
    GROUPS = [str(i) for i in range(5514)] + ["twice", "twice"]

    def test_draws_a_stratified_share_of_single_image_lesions(self):
        train, test = original_holdout(self.LABELS, self.GROUPS)
        assert len(test) == 938
        assert sorted([*train, *test]) == list(range(5516))
        assert {5514, 5515} <= set(train.tolist())
        counts = Counter(self.LABELS[i] for i in test)
        for label in ("nv", "bkl", "mel"):
            assert abs(counts[label] - 0.17 * self.LABELS[:5514].count(label)) < 1

    def test_is_what_the_study_computed(self):
        from sklearn.model_selection import train_test_split

        _, expected = train_test_split(
            np.arange(5514), test_size=0.17, random_state=101, stratify=self.LABELS[:5514]
        )
        _, test = original_holdout(self.LABELS, self.GROUPS)
        assert test.tolist() == sorted(expected)

    @pytest.mark.parametrize(("groups", "alone"), [("vvvwww", 0), ("vwwxxy", 2)])
    def test_too_few_candidates_are_told(self, groups, alone):
        message = f"the original hold-out cannot be drawn from {alone} lesions with a single image"
        with pytest.raises(DatasetError, match=message):
            original_holdout(list("aaabbb"), list(groups))
