"""JSON Lines: one object an image, for programs that read along."""

from __future__ import annotations

import json
from typing import Any

from trifuse.batch.outputs.formats import Format, reject_clash
from trifuse.batch.outputs.rows import ImageRow
from trifuse.batch.text import to_unicode


class JsonlFormat(Format):
    """One JSON object a line, in UTF-8, every line with the same keys in the same order.

    ==================== ====================================================================
    image                text: the id
    status               ``"ok"`` or ``"error"``
    labels               list of the most probable classes; empty for an error
    probabilities        list of their probabilities; empty for an error
    class_probabilities  object from each class to its probability or, for an error, null;
                         only where the probabilities of all classes are asked for
    alert                sensitivity of the strictest operating point that the image reaches, or
                         null; only where the model has operating points
    review               list of reasons to look at the image
    prediction_set       list of classes
    columns              object of the columns carried through; only where there are any
    message              text: flaws, or the error
    ==================== ====================================================================

    Numbers are the shortest that give the same float64. Names that are no UTF-8 are written as
    `trifuse.batch.text.to_unicode` says.
    """

    name = "jsonl"
    suffixes = (".jsonl",)

    def check(self) -> None:
        """Refuse two carried columns of one name: a key stands in an object once."""
        extra = self.layout.extra
        reject_clash(extra, extra, "rename one of those that are carried through")

    def encode(self, row: ImageRow) -> bytes:
        """Write one line."""
        cells: dict[str, Any] = {
            "image": to_unicode(row.image),
            "status": row.status,
            "labels": list(map(to_unicode, row.labels)),
            "probabilities": row.probabilities,
        }
        if self.layout.probabilities:
            names = map(to_unicode, self.layout.classes)
            cells["class_probabilities"] = dict(zip(names, row.class_probabilities, strict=True))
        if self.layout.alerts:
            cells["alert"] = row.alert
        cells["review"] = row.review
        cells["prediction_set"] = list(map(to_unicode, row.prediction_set))
        if self.layout.extra:
            names = map(to_unicode, self.layout.extra)
            cells["columns"] = dict(zip(names, map(to_unicode, row.columns), strict=True))
        cells["message"] = to_unicode(row.message)
        return write_json(cells)


def write_json(value: object) -> bytes:
    r"""Write one line of compact JSON.

    Examples
    --------
    >>> write_json({"image": "é", "probability": 0.1})
    b'{"image":"\xc3\xa9","probability":0.1}\n'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode()


METHOD = JsonlFormat
