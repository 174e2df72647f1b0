"""A night as a page of one file: its figures, and its images, the doubtful ones first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from trifuse.studies.night import Night
from trifuse.studies.page import inline_parts, json_for_page, render_page
from trifuse.studies.report.audit_draw import Audit
from trifuse.studies.report.night_summary import BINS, Manifest, NightSummary, name_reason
from trifuse.studies.report.report_words import BENCH, HEAD

SCALE = 10_000
"""In which probabilities are written as whole numbers."""
STYLES = ("base.css", "report.css")
SCRIPTS = (
    "report_corrections.js",
    "report_queue.js",
    "report_list.js",
    "report_detail.js",
    "report.js",
)
Value = TypeVar("Value")


class Evidence(NamedTuple):
    """A map of evidence: the class that it is for, and a JPEG."""

    class_name: str
    picture: bytes


def render_night(
    night: Night,
    manifest: Manifest,
    source: tuple[str, str],
    pictures: Mapping[int, bytes],
    evidence: Mapping[int, Evidence],
    order: NDArray[np.intp] | None = None,
    audit: Audit | None = None,
) -> str:
    """Render the page.

    Parameters
    ----------
    night : Night
    manifest : Manifest
    source : (str, str)
        What the file of predictions is called, and its SHA-256: what is decided in a browser is
        kept under it.
    pictures : mapping of int to bytes
        JPEGs of rows.
    evidence : mapping of int to Evidence
        Of rows.
    order : ndarray of int, shape (n_listed,), optional
        The rows that are listed, as `trifuse.studies.report.audit_draw.order_queue` has them; by
        default all, the doubtful ones first.
    audit : Audit, optional
        Images that are mixed among them, which the file of corrections alone tells.

    Returns
    -------
    str
        HTML, the same for the same night.

    Raises
    ------
    trifuse.features.libraries.ExtraError
        If Jinja is not installed.
    """
    parts = inline_parts(STYLES, SCRIPTS)  # first, as it tells what is not installed
    from markupsafe import Markup

    summary = NightSummary(night, manifest)
    order = night.rank_doubts() if order is None else order
    places = {int(row): place for place, row in enumerate(order)}
    shown = {
        "pictures": {places[row]: _encode(one) for row, one in pictures.items() if row in places},
        "evidence": {
            places[row]: [one.class_name, _encode(one.picture)]
            for row, one in evidence.items()
            if row in places
        },
    }
    period = manifest.period
    return render_page(
        "report.html",
        HEAD["heading"].format(date=f"{period[1]:%-d %B %Y}")
        if period
        else HEAD["heading_undated"],
        words=HEAD,
        facts=_tell_facts(manifest, source[0]),
        tiles=_tell_tiles(summary),
        advice=list(summary.advice()),
        classes=summary.classes(),
        trained=all(one.training is not None for one in summary.classes()),
        bins=_draw_bins(summary.histogram()),
        reasons=[{**one._asdict(), "title": name_reason(one.name)} for one in summary.reasons()],
        errors=summary.errors(),
        listed=HEAD["listed"].format(count=len(order), total=summary.n_images)
        if len(order) < summary.n_images
        else "",
        data=Markup(json_for_page(_compact(night, manifest, order, source[1], audit))),  # noqa: S704
        pictures=Markup(json_for_page(shown)),  # noqa: S704
        **parts,
    )


def _tell_facts(manifest: Manifest, name: str) -> list[tuple[str, str, str]]:
    """Give what was scored, when, by what: a name, a value, and what is less important."""
    facts = [(HEAD["file"], name, "")]
    if period := manifest.period:
        start, end = (f"{one:%Y-%m-%d %H:%M}" for one in period)
        end = end.removeprefix(start[:11])
        rate = manifest.rate
        speed = HEAD["speed"].format(rate=rate) if rate else ""
        facts.append((HEAD["scored"], HEAD["period"].format(start=start, end=end), speed))
    if digest := manifest.digest:
        told = HEAD["digest"].format(digest=digest)
        model = manifest.find(str, "model", "name")
        facts.append((HEAD["model"], model or told, told if model else ""))
    return facts


def _tell_tiles(summary: NightSummary) -> list[tuple[str, str, str]]:
    """Give the few numbers to be seen first: a number, what it counts, and its look."""
    n_unread, n_flagged = summary.n_unread, summary.n_flagged
    return [
        (f"{summary.n_images:,}", HEAD["images"], ""),
        (f"{n_unread:,}", HEAD["unread"], "wrong" if n_unread else ""),
        (f"{n_flagged:,}", HEAD["flagged"], "doubt" if n_flagged else ""),
        (f"{summary.n_sure:,}", HEAD["sure"], ""),
    ]


def _draw_bins(counts: Sequence[int]) -> list[dict[str, Any]]:
    most = max(1, *counts)
    return [
        {
            "height": 120 * count / most,
            "title": HEAD["certainty_bar"].format(
                low=100 * place // BINS, high=100 * (place + 1) // BINS, count=count
            ),
        }
        for place, count in enumerate(counts)
    ]


def _compact(
    night: Night,
    manifest: Manifest,
    order: NDArray[np.intp],
    digest: str,
    audit: Audit | None,
) -> dict[str, Any]:
    """Lay the listed rows out as columns; what repeats, as places in lists."""
    rows = order.tolist()
    reviews, review = _number([night.reviews[row] for row in rows])
    sets, prediction_set = _number([night.prediction_sets[row] for row in rows])
    messages, message = _number([night.messages[row] for row in rows])
    probabilities = np.rint(np.nan_to_num(night.probabilities[order]) * SCALE).astype(int)
    return {
        "digest": digest,
        "audit": None if audit is None else {"rows": audit.rows.tolist(), "mark": audit.mark},
        "classes": night.classes,
        "images": [night.images[row] for row in rows],
        "rows": rows,
        "top": night.labels.shape[1],
        "labels": night.labels[order].ravel().tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "scale": SCALE,
        "reviews": reviews,
        "review": review,
        "sets": sets,
        "set": prediction_set,
        "alerts": [night.alerts[row] for row in rows] if any(night.alerts) else None,
        "messages": messages,
        "message": message,
        "coverage": manifest.expected("coverage"),
        "hidesNames": manifest.hides_names,
        "words": BENCH,
    }


def _number(values: Sequence[Value]) -> tuple[list[Value], list[int]]:
    """Give the different values, and for each value its place among them.

    >>> _number(["a", "b", "a"])
    (['a', 'b'], [0, 1, 0])
    """
    places: dict[Value, int] = {}
    numbers = [places.setdefault(value, len(places)) for value in values]
    return list(places), numbers


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
