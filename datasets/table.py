"""What every archive becomes: one image a row, with its label and its group."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Item = TypeVar("_Item", bound=Hashable)


class DatasetError(ValueError):
    """A labelled archive is not as it should be; the message says what, where and what to do."""


@dataclass(frozen=True)
class LabelledTable:
    """Images with labels and groups; a group is what must never be split (all images of a lesion).

    Parameters
    ----------
    paths : tuple of Path
        The image files, each once.
    labels : tuple of str
        The class of each image.
    groups : tuple of str
        The group of each image; all images of a group have one label.
    classes : tuple of str, optional
        All classes, in the order of the columns of probabilities; the sorted labels by default.
    columns : dict of str to tuple of str, optional
        What else is known of each image, such as its patient's age, by column.

    Raises
    ------
    DatasetError
        If lengths differ, a path is repeated, a label is not one of `classes`, or a group is in
        two classes.

    Examples
    --------
    >>> paths = (Path("a.jpg"), Path("b.jpg"), Path("c.jpg"))
    >>> table = LabelledTable(paths, ("nv", "nv", "mel"), ("l1", "l1", "l2"))
    >>> table.classes, table.label_indices, table.group_indices
    (('mel', 'nv'), array([1, 1, 0]), array([0, 0, 1]))
    >>> table.subset([0, 1]).classes
    ('mel', 'nv')
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    classes: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.classes:
            object.__setattr__(self, "classes", tuple(sorted(set(self.labels))))
        if not len(self.paths) == len(self.labels) == len(self.groups):
            raise DatasetError(
                f"{len(self.paths)} paths, {len(self.labels)} labels and {len(self.groups)} groups "
                "do not make a table; give one label and one group for each path"
            )
        if twice := find_repeats(self.classes):
            raise DatasetError(f"classes listed more than once: {name_few(twice)}")
        if repeated := find_repeats(self.paths):
            raise DatasetError(
                f"{count(repeated, 'image')} listed more than once: {name_few(repeated)}; "
                "keep one row of each"
            )
        if unknown := sorted(set(self.labels) - set(self.classes)):
            raise DatasetError(
                f"{count(unknown, 'label')} not among the classes {', '.join(self.classes)}: "
                f"{name_few(unknown)}"
            )
        reject_mixed_groups(self.labels, self.groups)

    def __len__(self) -> int:
        return len(self.paths)

    # A command line counts by this module: it starts without NumPy.
    @property
    def label_indices(self) -> "NDArray[np.intp]":
        """The place of each image's label in `classes`, shape (n_images,)."""
        import numpy as np

        places = {name: place for place, name in enumerate(self.classes)}
        return np.array([places[label] for label in self.labels], dtype=np.intp)

    @property
    def group_indices(self) -> "NDArray[np.intp]":
        """A number for each image's group, in order of first appearance, shape (n_images,)."""
        import numpy as np

        places = {name: place for place, name in enumerate(dict.fromkeys(self.groups))}
        return np.array([places[group] for group in self.groups], dtype=np.intp)

    def subset(self, indices: Iterable[int]) -> "LabelledTable":
        """Return the rows at `indices`, in that order, with all `classes` kept."""
        kept = [int(index) for index in indices]
        return LabelledTable(
            tuple(self.paths[index] for index in kept),
            tuple(self.labels[index] for index in kept),
            tuple(self.groups[index] for index in kept),
            self.classes,
            {name: tuple(cells[index] for index in kept) for name, cells in self.columns.items()},
        )


def reject_mixed_groups(labels: Sequence[str], groups: Sequence[str]) -> None:
    """Raise DatasetError if the images of one group have more than one label."""
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        labels_of[group].add(label)
    mixed = [
        f"{group} ({', '.join(sorted(found))})"
        for group, found in labels_of.items()
        if len(found) > 1
    ]
    if mixed:
        raise DatasetError(
            f"{count(mixed, 'group')} with images in more than one class: {name_few(mixed)}; "
            "the images of one lesion share one label, so correct the labels or the groups"
        )


def find_repeats(items: Iterable[_Item]) -> list[_Item]:
    """Return each item that occurs more than once, in order of first appearance."""
    return [item for item, occurrences in Counter(items).items() if occurrences > 1]


def name_few(items: Sequence[object], shown: int = 3) -> str:
    """Return the first few items and how many more there are, for messages.

    >>> name_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    text = ", ".join(map(str, items[:shown]))
    return text if len(items) <= shown else f"{text} and {len(items) - shown:,} more"


def count(items: Sequence[object], noun: str) -> str:
    """Return how many there are, for messages.

    >>> count(["a"], "row"), count(["a", "b"], "row")
    ('1 row', '2 rows')
    """
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"
