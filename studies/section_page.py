"""Pages of sections: a heading, sentences, a figure, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trifuse.studies.page import picture_uri, render_page
from trifuse.studies.result_tables import ResultTable


@dataclass(frozen=True)
class Picture:
    """A figure of a page.

    Attributes
    ----------
    svg : bytes
    text : str
        What it shows, for those who do not see it.
    """

    svg: bytes
    text: str

    @property
    def uri(self) -> str:
        """Its ``src``."""
        return picture_uri(self.svg, "svg+xml")


@dataclass(frozen=True)
class Section:
    """A part of a page; what is empty is left out."""

    heading: str
    sentences: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[ResultTable] = ()


def render_sections(
    title: str, sentences: Sequence[str], sections: Sequence[Section], warning: str | None = None
) -> bytes:
    """Render a page as HTML in UTF-8.

    Parameters
    ----------
    title : str
    sentences : sequence of str
        Before the first section.
    sections : sequence of Section
    warning : str, optional
        What the reader must know first.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja is not installed.
    """
    page = render_page(
        "sections.html", title, sentences=sentences, sections=sections, warning=warning
    )
    return page.encode("utf-8", "replace")
