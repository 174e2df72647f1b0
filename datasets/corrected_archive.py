"""A labelled archive, and what a reader decided since: one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trifuse.datasets.corrections import Correction, Corrections
from trifuse.datasets.predictions import find_classes
from trifuse.datasets.table import DatasetError, LabelledTable, name_few


@dataclass(frozen=True)
class CorrectedArchive:
    """An archive with its corrections.

    Attributes
    ----------
    table : LabelledTable
        The archive's images as they stood, then those that joined, in the order of the files.
    n_joined : int
        Images that the archive did not have.
    n_changed, n_confirmed : int
        Images of the archive whose label became another, and those whose label was right.
    n_unsure : int
        Decisions without a label, which are left out.
    """

    table: LabelledTable
    n_joined: int
    n_changed: int
    n_confirmed: int
    n_unsure: int

    def tell(self) -> str:
        """Say in one sentence what came of the corrections."""
        return (
            f"corrections: images that joined the archive: {self.n_joined:,}; labels of it that "
            f"changed: {self.n_changed:,}, that were confirmed: {self.n_confirmed:,}; decisions "
            f"that are unsure and left out: {self.n_unsure:,}."
        )


def correct_archive(table: LabelledTable, corrections: Corrections) -> CorrectedArchive:
    """Add decided images to an archive; one that it has already takes the label decided.

    Classes are matched in any letter case that tells which. An image is the archive's if it is the
    same file. It keeps its group there; another has the
    group that its row of the corrections tells, or one of its own.

    Parameters
    ----------
    table : LabelledTable
    corrections : Corrections
        Images are called by their paths, from the folder that this is called in.

    Raises
    ------
    DatasetError
        If an image is no file, has two labels or a class that the archive has not, or the images
        of a group come to have more than one label.
    """
    decided = _find_files(corrections.decided)
    found = find_classes(table.classes, [row.label for row in decided.values()])
    if unknown := [row for row, at in zip(decided.values(), found, strict=True) if at < 0]:
        raise DatasetError(
            f"{unknown[0].where}: {unknown[0].label!r} is no class of the archive, which has "
            f"{', '.join(table.classes)}"
        )
    decided = {
        file: row._replace(label=table.classes[at])
        for (file, row), at in zip(decided.items(), found, strict=True)
    }
    labels = list(table.labels)
    n_changed = n_confirmed = 0
    known = set()
    for place, path in enumerate(table.paths):
        if row := decided.get(file := path.resolve()):
            known.add(file)
            n_changed += row.label != labels[place]
            n_confirmed += row.label == labels[place]
            labels[place] = row.label
    new = [row for file, row in decided.items() if file not in known]
    corrected = LabelledTable(
        (*table.paths, *(Path(row.image) for row in new)),
        (*labels, *(row.label for row in new)),
        (*table.groups, *(row.group or f"corrected {row.image}" for row in new)),
        table.classes,
        {name: (*cells, *[""] * len(new)) for name, cells in table.columns.items()},
    )
    n_unsure = len(corrections.rows) - len(corrections.decided)
    return CorrectedArchive(corrected, len(new), n_changed, n_confirmed, n_unsure)


def _find_files(rows: Sequence[Correction]) -> dict[Path, Correction]:
    """Find each image's file; one that is called by several names counts once."""
    if lost := [row for row in rows if not Path(row.image).is_file()]:
        raise DatasetError(
            f"{lost[0].where}: there is no image file {lost[0].image}"
            f"{f', nor {name_few([row.image for row in lost[1:]])}' if lost[1:] else ''}; images "
            "are trained on by their paths, from the folder that trifuse predict was called in"
        )
    files: dict[Path, Correction] = {}
    for row in rows:
        known = files.setdefault(Path(row.image).resolve(), row)
        if known.label != row.label:
            raise DatasetError(
                f"{row.where}: {row.image} is {row.label} here and {known.label} in "
                f"{known.where}, where it is called {known.image}; keep one of both"
            )
    return files
