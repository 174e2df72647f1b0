"""The submission of the ISIC 2018 challenge, task 3: an image's probabilities of seven classes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import ClassVar

from trifuse.batch.outputs.formats import Format, FormatError
from trifuse.batch.outputs.formats.csv_format import write_line
from trifuse.batch.outputs.ids import IdKind
from trifuse.batch.outputs.rows import ImageRow, RowLayout

CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


class IsicFormat(Format):
    """The CSV ``image,MEL,NV,BCC,AKIEC,BKL,DF,VASC``, whatever the order of the model's classes.

    Images are called by their file name without suffix, as the challenge does, unless told
    otherwise. An image that could not be read keeps its row, with empty cells: it is left to the
    reader, not guessed. The options that choose columns (`top`, `probabilities` and `extra` of the
    layout) change nothing. Numbers and text are written as in `CsvFormat`.
    """

    name = "isic"
    suffixes = (".csv",)
    asked_for = True
    note = "isic is the challenge's."
    default_id: ClassVar[IdKind] = "name"
    unique = True

    def check(self) -> None:
        """Refuse a model of other classes; letter case does not matter."""
        folded = [name.upper() for name in self.layout.classes]
        if sorted(folded) != sorted(CLASSES):
            msg = (
                f"The ISIC format needs a model of the classes {', '.join(CLASSES)}, and this one "
                f"has {', '.join(self.layout.classes)}; choose another format."
            )
            raise FormatError(msg)
        self._places = [folded.index(name) for name in CLASSES]
        self.layout = RowLayout(self.layout.classes, top=1, probabilities=True)

    def header(self) -> bytes:
        """Give the line of column names."""
        return write_line(("image", *CLASSES))

    def encode(self, row: ImageRow) -> bytes:
        """Write one line."""
        numbers = (row.class_probabilities[place] for place in self._places)
        return write_line((row.image, *numbers))

    def check_rows(self, partial: Path) -> None:
        """Refuse rows of one name, those of an earlier attempt too, whose images are not at hand.

        Raises
        ------
        FormatError
        """
        names: set[int] = set()
        with partial.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            for number, (name, *_) in enumerate(rows, 1):
                names.add(hash(name))
                if len(names) < number:
                    msg = (
                        f"Row {number:,} is called as an earlier one is, and in this format no two "
                        "may be; leave one of the two images out."
                    )
                    raise FormatError(msg)


METHOD = IsicFormat
