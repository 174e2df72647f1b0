"""The section of the model card on operating points, and on what calibration did to them."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from trifuse.classifiers.decision import AT_SPECIFICITY, SENSITIVITY, SPECIFICITY
from trifuse.classifiers.text_tables import markdown_table, with_interval

TEXT = """
## Alerts

{classes}

{points}

So it was out of fold, each fold under the thresholds that the others gave. The thresholds count
groups, and are for the training archive's class shares; another `--prior` changes no alert.

What calibration did to the finding of these classes, out of fold:

{calibration}
"""
ALONE = tuple(f"{name}, images alone" for name in (SENSITIVITY, SPECIFICITY))
"""Were nothing known of the images beside their pixels."""
CALIBRATION = {
    SENSITIVITY: "first class positive: sensitivity",
    SPECIFICITY: "first class positive: specificity",
    AT_SPECIFICITY: "sum at a specificity of 90 %: sensitivity",
}


def render_alerts(about: Mapping[str, Any]) -> str:
    """Write the section from the contents of `model.json`; nothing without operating points."""
    if not (found := about.get("decision")):
        return ""
    names = ", ".join(about["recipe"]["decision"]["positive"])
    classes = (
        f"To be found: {names}. An image has the alert of the strictest point whose threshold the "
        "summed probability of these classes reaches; a point is called by the sensitivity that it "
        "was fixed for."
    )
    points = [
        (
            f"{point['wanted']:g}",
            f"{point['threshold']:.4f}",
            *(_write(point[name]) for name in (SENSITIVITY, SPECIFICITY)),
            *map(_write, point.get("alone") or ()),
        )
        for point in found["points"]
    ]
    header = ("alert", "threshold", SENSITIVITY, SPECIFICITY, *ALONE)
    costs = [
        (title, _write(found["before"][name]), _write(found["after"][name]))
        for name, title in CALIBRATION.items()
    ]
    return TEXT.format(
        classes=fill(classes, 92),
        points=markdown_table(header[: len(points[0])], points),
        calibration=markdown_table(("figure", "before calibration", "after"), costs),
    )


def _write(estimate: tuple[float, float, float]) -> str:
    value, *interval = estimate
    return with_interval(value, interval)
