"""The submission of the ISIC 2018 challenge, task 3: an image's probabilities of seven classes."""

from __future__ import annotations

from typing import ClassVar

from trifuse.batch.outputs.csv_format import write_cell, write_line
from trifuse.batch.outputs.format import Format, FormatError
from trifuse.batch.outputs.ids import IdKind
from trifuse.batch.outputs.rows import Layout, Row
from trifuse.classifiers.tables import make_safe

CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


class IsicFormat(Format):
    """The CSV ``image,MEL,NV,BCC,AKIEC,BKL,DF,VASC``, whatever the order of the model's classes.

    Images are called by their file name without suffix, as the challenge does, unless told
    otherwise. An image that could not be read keeps its row, with empty cells: it is left to the
    reader, not guessed. The options that choose columns (`Layout.top`, `Layout.probabilities`,
    `Layout.extra`) change nothing. Numbers and text are written as in `CsvFormat`.
    """

    default_id: ClassVar[IdKind] = "name"

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
        self.layout = Layout(self.layout.classes, top=1, probabilities=True)

    def header(self) -> bytes:
        """Give the line of column names."""
        return write_line(("image", *CLASSES))

    def encode(self, row: Row) -> bytes:
        """Write one line."""
        numbers = (write_cell(row.class_probabilities[place]) for place in self._places)
        return write_line((make_safe(row.image), *numbers))
