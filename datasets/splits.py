"""Splits that keep groups together, what they can tell, and the original study's hold-out."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError, LabelledTable, count, reject_mixed_groups

Split = tuple[NDArray[np.intp], NDArray[np.intp]]

FEW_GROUPS = 5
"""Of a class, below which its figures tell little."""
FEW_IMAGES = 40
"""Below which out-of-fold figures mislead."""


def grouped_stratified_folds(
    labels: Sequence[str], groups: Sequence[str], n_splits: int, random_state: int
) -> list[Split]:
    """Split into folds of like class shares that never separate the images of a group.

    Parameters
    ----------
    labels, groups : sequence of str, length n_images
        As in `LabelledTable`.
    n_splits : int
        Number of folds, two at least.
    random_state : int
        Seed of the shuffling; the same seed gives the same folds.

    Returns
    -------
    list of (train, test)
        Indices of a fold, increasing; each image is in exactly one test part, and each class is
        in every test part.

    Raises
    ------
    DatasetError
        If a class has fewer groups than there are folds, or a group has two labels.

    Examples
    --------
    >>> folds = grouped_stratified_folds(["a", "a", "b", "b"], ["1", "2", "3", "4"], 2, 0)
    >>> [len(test) for _, test in folds]
    [2, 2]
    """
    from sklearn.model_selection import StratifiedGroupKFold

    reject_mixed_groups(labels, groups)
    for label, members in groups_by_class(labels, groups).items():
        if len(members) < n_splits:
            raise DatasetError(
                f"the class {label} has {count(members, 'group')} (lesions), too few for "
                f"{n_splits} folds; add images of other lesions, leave the class out, or use fewer "
                "folds"
            )
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros(len(labels)), np.asarray(labels), np.asarray(groups)))


def fit_fold_count(labels: Sequence[str], groups: Sequence[str], most: int) -> int:
    """Give how many folds there can be, `most` at most, with each class in every one.

    Raises
    ------
    DatasetError
        If there cannot be two.

    Examples
    --------
    >>> fit_fold_count(list("aaabbbb"), list("1234567"), 5)
    3
    """
    label, members = min(groups_by_class(labels, groups).items(), key=lambda item: len(item[1]))
    if len(members) < 2:
        raise DatasetError(
            f"the class {label} has 1 group (lesion), and two are needed to train on one and judge "
            "by the other; add images of other lesions, or leave the class out"
        )
    return min(most, len(members))


def find_doubts(table: LabelledTable, n_folds: int, wanted: int) -> list[str]:
    """Say, a sentence each, why out-of-fold figures of so small an archive tell little."""
    groups = groups_by_class(table.labels, table.groups)
    few = [f"{name} {len(found)}" for name, found in groups.items() if len(found) < FEW_GROUPS]
    doubts = []
    if few:
        doubts.append(
            f"{'a class has' if len(few) == 1 else 'classes have'} fewer than {FEW_GROUPS} groups "
            f"(lesions): {', '.join(few)}; how well they are recognised cannot be judged"
        )
    if n_folds < wanted:
        doubts.append(f"{n_folds} folds instead of {wanted}, as no class may miss in one")
    if len(table) < FEW_IMAGES:
        doubts.append(
            f"there are {count(table.paths, 'image')}, fewer than {FEW_IMAGES}: all folds share "
            "the codebooks, which know so few images by heart, and the out-of-fold figures mislead"
        )
    return doubts


def groups_by_class(labels: Sequence[str], groups: Sequence[str]) -> dict[str, list[str]]:
    """Give the groups of each class, both sorted.

    Examples
    --------
    >>> groups_by_class(["b", "a", "b", "b"], ["3", "2", "1", "3"])
    {'a': ['2'], 'b': ['1', '3']}
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        found[label].add(group)
    return {label: sorted(found[label]) for label in sorted(found)}


def grouped_holdout(
    labels: Sequence[str], groups: Sequence[str], share: float, random_state: int
) -> Split:
    """Hold out a share of each class's groups, which are never separated.

    Parameters
    ----------
    labels, groups : sequence of str, length n_images
        As in `LabelledTable`.
    share : float
        Of the groups, above 0 and below 1; in each class it is rounded, to one at least on either
        side.
    random_state : int
        Seed of the drawing: the same seed draws the same groups, whatever the order of the rows.

    Returns
    -------
    train, test : ndarray of int
        Indices, increasing.

    Raises
    ------
    DatasetError
        If a class has one group alone, or a group has two labels.

    Examples
    --------
    >>> train, test = grouped_holdout(list("aaaabbb"), list("1123456"), 0.4, 0)
    >>> len(train), len(test)
    (5, 2)
    """
    reject_mixed_groups(labels, groups)
    draw = np.random.default_rng(random_state)
    held_out: set[str] = set()
    for label, members in groups_by_class(labels, groups).items():
        if len(members) < 2:
            raise DatasetError(
                f"the class {label} has 1 group (lesion), which cannot be on both sides of a "
                "split; add images of other lesions, or leave the class out"
            )
        number = min(max(round(share * len(members)), 1), len(members) - 1)
        held_out.update(members[place] for place in draw.permutation(len(members))[:number])
    chosen = np.array([group in held_out for group in groups])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def thin(
    table: LabelledTable, rows: NDArray[np.intp], share: float, at_least: int, random_state: int
) -> NDArray[np.intp]:
    """Keep a share of the lesions of each class, whole; a smaller share is part of a larger one.

    Parameters
    ----------
    table : LabelledTable
    rows : ndarray of int
        To keep some of.
    share : float
        Above 0, at most 1; of a class's lesions so many are kept, rounded.
    at_least : int
        Lesions kept of each class, or all where it has fewer: inner folds need one each.
    random_state : int

    Returns
    -------
    ndarray of int
        In the order of `rows`.
    """
    labels, groups = table.label_indices[rows], table.group_indices[rows]
    random = np.random.default_rng(random_state)
    kept = []
    for label in np.unique(labels):
        lesions = random.permutation(np.unique(groups[labels == label]))
        kept.append(lesions[: max(at_least, round(share * len(lesions)))])
    return rows[np.isin(groups, np.concatenate(kept))]


def original_holdout(
    labels: Sequence[str], groups: Sequence[str], test_size: float = 0.17, seed: int = 101
) -> Split:
    """Split as the study did that trifuse continues, so that its figures can be compared.

    Only lesions with a single image are candidates for validation; of these `test_size` is drawn,
    stratified by label; all other images train. No lesion is on both sides, but the validation
    part is not like the archive: of HAM10000's some 80 % are nevi, and rare classes are left with
    a handful of images. Use it to compare, never for honest figures.

    Parameters
    ----------
    labels, groups : sequence of str, length n_images
        As in `LabelledTable`.
    test_size : float
        Share of the candidates, above 0 and below 1.
    seed : int
        Seed of the drawing.

    Returns
    -------
    train, test : ndarray of int
        Indices, increasing.

    Raises
    ------
    DatasetError
        If there are too few candidates to draw from.

    Examples
    --------
    >>> train, test = original_holdout(list("aaaabbb"), list("1123456"), test_size=0.4)
    >>> {0, 1} <= set(train.tolist()), len(test)
    (True, 2)
    """
    from sklearn.model_selection import train_test_split

    images_of = Counter(groups)
    alone = np.array([index for index, group in enumerate(groups) if images_of[group] == 1], int)
    try:
        _, test = train_test_split(
            alone, test_size=test_size, random_state=seed, stratify=[labels[i] for i in alone]
        )
    except ValueError as error:
        raise DatasetError(
            f"the original hold-out cannot be drawn from {len(alone)} lesions with a single "
            f"image: {error}"
        ) from error
    test = np.sort(test)
    return np.setdiff1d(np.arange(len(labels)), test), test
