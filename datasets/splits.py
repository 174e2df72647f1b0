"""Splits that keep groups together, and the original study's hold-out for comparison."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError, reject_mixed_groups

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    groups_of: defaultdict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        groups_of[label].add(group)
    for label, members in sorted(groups_of.items()):
        if len(members) < n_splits:
            raise DatasetError(
                f"the class {label} has {len(members)} groups (lesions), too few for {n_splits} "
                "folds; add images of other lesions, leave the class out, or use fewer folds"
            )
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros(len(labels)), np.asarray(labels), np.asarray(groups)))


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
