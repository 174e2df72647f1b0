"""Two readers of the same images as a page of one file."""

from __future__ import annotations

from trifuse.studies.confusion_figure import draw_confusion
from trifuse.studies.evaluation.agreement import COLUMNS, Agreement
from trifuse.studies.figures import figure_bytes
from trifuse.studies.result_tables import ResultCell, ResultTable, to_cell
from trifuse.studies.section_page import Picture, Section, render_sections


def render_agreement(agreement: Agreement, names: tuple[str, str]) -> bytes:
    """Render the page as HTML in UTF-8.

    Parameters
    ----------
    agreement : Agreement
    names : (str, str)
        What the files of the first and of the second reader are called.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja or Matplotlib is not installed.
    """
    first, second = names
    figure = draw_confusion(agreement.confusion, agreement.classes, ("second", "first"))
    figures = [("kappa", agreement.kappa), ("agreement", agreement.share)]
    text = "The labels of the first reader, each by those of the second"
    sections = [
        Section(
            "How far they agree",
            ["Cohen's kappa is the agreement beyond that by chance: 1 is all of it, 0 is none. "
             "Readers who have seen a model's label agree more than those who have not."],
            tables=[
                ResultTable(
                    "figures",
                    "95 % intervals by bootstrap over images, or over lesions where the first file "
                    "has groups",
                    ("figure", "value"),
                    [(name, [to_cell(one)]) for name, one in figures],
                )
            ],
        ),
        Section(
            "Labels of both",
            ["Rows are labels of the first reader, columns of the second; percent are of a row."],
            [Picture(figure_bytes(figure, ".svg"), text)],
            [
                ResultTable(
                    "confusion",
                    "Images by both labels",
                    (r"first \ second", *agreement.classes),
                    [
                        (name, [ResultCell(f"{count:,}") for count in counts])
                        for name, counts in zip(agreement.classes, agreement.confusion, strict=True)
                    ],
                )
            ],
        ),
        Section(
            "Where they differ",
            tables=[
                ResultTable(
                    "differences",
                    f"{len(agreement.differences):,} images, in the order of the first file",
                    COLUMNS,
                    [
                        (one.image, [ResultCell(one.first), ResultCell(one.second)])
                        for one in agreement.differences
                    ],
                )
            ],
        ),
    ]  # fmt: skip
    sentences = [f"First: {first}. Second: {second}.", agreement.counts]
    return render_sections("Agreement of two readers", sentences, sections)
