"""What the head of a night's page tells: counts beside what training promised, and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np

from trifuse.classifiers.reasons import REASONS, TRAINING_IMAGE, UNFAMILIAR
from trifuse.studies.night import Night
from trifuse.studies.report.report_words import BENCH, HEAD

SURE = 0.9
BINS = 20
"""Of the histogram of the first probability, from 0 to 1."""
KINDS = 6
"""Kinds of errors that are told apart; the rest is one."""
DEVIATIONS = 3
"""Standard deviations of a count that chance is not believed to bring."""
SHIFT = 0.15
"""Difference of a class's shares that is told."""
FEW = 30
"""Images of whose shares nothing is said."""


class ClassShare(NamedTuple):
    """A class: its images of the night, and its shares there and in training."""

    name: str
    number: int
    night: float
    training: float | None


class ReasonShare(NamedTuple):
    """A reason: how many images have it, which share that is, and which was promised."""

    name: str
    number: int
    share: float
    expected: float | None


@dataclass(frozen=True)
class Manifest:
    """What a run's manifest tells of the night, whatever it holds: a stranger may have written it.

    Attributes
    ----------
    entries : mapping
        As `trifuse.batch.outputs.reopen.read_manifest` gives them; empty where there is none.
    """

    entries: Mapping[str, Any]

    def find(self, kind: type | tuple[type, ...], *keys: str) -> Any:
        """Give an entry of an entry, if it is of that kind; else None."""
        found: Any = self.entries
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        is_odd = isinstance(found, bool) or (isinstance(found, float) and not isfinite(found))
        return found if isinstance(found, kind) and not is_odd else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes; none where they are not told."""
        classes = self.find(list, "options", "classes") or []
        return tuple(name for name in classes if isinstance(name, str))

    @property
    def digest(self) -> str:
        """SHA-256 of the model; empty where it is not told."""
        return self.find(str, "options", "model") or ""

    @property
    def hides_names(self) -> bool:
        """Whether rows are called so that no name is told."""
        return bool(self.find(str, "options", "id") == "hmac")

    @property
    def period(self) -> tuple[datetime, datetime] | None:
        """When the run was begun and when it was finished."""
        attempts = self.find(list, "attempts") or [None]
        try:
            start, end = map(
                datetime.fromisoformat, (attempts[0]["started"], self.entries["finished"])
            )
        except (LookupError, TypeError, ValueError):
            return None
        return start, end

    @property
    def rate(self) -> float | None:
        """Images a second, where one attempt scored all of them."""
        attempts, seconds = self.find(list, "attempts"), self.find((int, float), "seconds")
        images, kept = self.find(int, "images"), self.find(int, "kept")
        is_whole = attempts is not None and len(attempts) == 1 and kept == 0
        return images / seconds if is_whole and (images or 0) > 0 and (seconds or 0) > 0 else None

    def training_share(self, name: str) -> float | None:
        """Give a class's share in the training archive."""
        counts = self.find(Mapping, "model", "class_counts") or {}
        known = {key: n for key, n in counts.items() if isinstance(n, int) and n >= 0}
        total = sum(known.values())
        return known.get(name, 0) / total if total else None

    def expected(self, reason: str) -> float | None:
        """Give the share of new images for which training lets a reason be expected."""
        if reason == TRAINING_IMAGE:
            return 0.0
        found = self.find((int, float), "model", reason)
        return found if found is not None and 0 <= found <= 1 else None


@dataclass(frozen=True)
class NightSummary:
    """The figures of a night.

    Attributes
    ----------
    night : Night
    manifest : Manifest
    """

    night: Night
    manifest: Manifest

    @property
    def n_images(self) -> int:
        """How many rows there are."""
        return len(self.night.images)

    @property
    def n_unread(self) -> int:
        """How many could not be read."""
        return int((~self.night.is_read).sum())

    @property
    def n_flagged(self) -> int:
        """How many have a reason to be looked at."""
        return sum(map(bool, self.night.reviews))

    @property
    def n_sure(self) -> int:
        """How many have a first class of `SURE` or more."""
        return int((self.night.probabilities[:, 0] >= SURE).sum())

    def classes(self) -> list[ClassShare]:
        """Give the classes, as the model has them."""
        first = self.night.labels[self.night.is_read, 0]
        counts = np.bincount(first, minlength=len(self.night.classes)).tolist()
        total = max(1, len(first))
        return [
            ClassShare(name, n, n / total, self.manifest.training_share(name))
            for name, n in zip(self.night.classes, counts, strict=True)
        ]

    def histogram(self) -> list[int]:
        """Count the images by their first probability, in `BINS` bins from 0 to 1."""
        first = self.night.probabilities[self.night.is_read, 0]
        return [int(n) for n in np.histogram(first, BINS, (0, 1))[0]]

    def reasons(self) -> list[ReasonShare]:
        """Give the reasons that an image has, or that training lets expect."""
        counts = Counter(one for row in self.night.reviews for one in set(row))
        total = max(1, self.n_images - self.n_unread)
        names = (*REASONS, *sorted(counts.keys() - set(REASONS)))
        shares = [
            ReasonShare(name, counts[name], counts[name] / total, self.manifest.expected(name))
            for name in names
        ]
        return [one for one in shares if one.number or one.expected]

    def errors(self) -> list[tuple[str, int]]:
        """Give the kinds of errors and their numbers, the most frequent first."""
        unread = np.flatnonzero(~self.night.is_read)
        kinds = Counter(_find_kind(self.night.messages[row]) for row in unread)
        first = kinds.most_common(KINDS)
        rest = kinds.total() - sum(n for _, n in first)
        return [*first, *([("…", rest)] if rest else [])]

    def advice(self) -> Iterator[str]:
        """Say what to do next, in sentences."""
        if errors := self.errors():
            yield HEAD["do_errors"].format(count=self.n_unread, kind=errors[0][0])
        reasons = {one.name: one for one in self.reasons()}
        if (one := reasons.get(UNFAMILIAR)) and one.expected is not None:
            total, promised = self.n_images - self.n_unread, one.expected
            bound = total * promised + DEVIATIONS * sqrt(total * promised * (1 - promised))
            sentence = "do_unfamiliar" if one.number > bound else "do_familiar"
            yield HEAD[sentence].format(share=one.share, expected=promised)
        known = [one for one in self.classes() if one.training is not None]
        if known and self.n_images - self.n_unread >= FEW:
            widest = max(known, key=lambda one: abs(one.night - (one.training or 0)))
            if abs(widest.night - (widest.training or 0)) > SHIFT:
                yield HEAD["do_shares"].format(**widest._asdict())
        if TRAINING_IMAGE in reasons and (count := reasons[TRAINING_IMAGE].number):
            yield HEAD["do_known"].format(count=count)
        yield HEAD["do_look" if self.n_flagged else "do_sample"].format(count=self.n_flagged)


def name_reason(name: str) -> str:
    """Give what the page calls a reason."""
    words: Mapping[str, list[str]] = BENCH["reasons"]  # type: ignore[assignment]
    return words[name][0] if name in words else name


def _find_kind(message: str) -> str:
    """Take off what tells one error from another of its kind.

    >>> _find_kind("cannot read the image: it has 3,000 rows x 20 columns (of one kind)")
    'it has N rows x N columns'
    """
    text = re.sub(r"^cannot (read|score) the image: ", "", message)
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"\s*\(.*\)$", "", text)) or "…"
