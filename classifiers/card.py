"""The model card, inside the model's file: what a model is and how it was trained, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import Any

from trifuse.classifiers.card_alerts import render_alerts
from trifuse.classifiers.card_text import (
    ALONE,
    BY_CLASS,
    CALIBRATION,
    CROSS_FITTED,
    DOUBT,
    NETWORKS,
    REASONS,
    STRATA,
    TEMPLATE,
    UNSEEN,
)
from trifuse.classifiers.conformal import MANY_GROUPS
from trifuse.classifiers.held_out_figures import ALL
from trifuse.classifiers.reasons import LOW_QUALITY
from trifuse.classifiers.review import LARGE_SET
from trifuse.classifiers.text_tables import TITLES, markdown_table, with_interval

CARD_FIGURES = (
    "bma", "accuracy", "top_3_accuracy", "macro_auc", "macro_f1", "log_loss", "brier", "ece",
)  # fmt: skip
"""Out of fold, of every member; the model file has the others too."""
CLASS_FIGURES = {"recall": "recall", "precision": "precision", "auc": "AUC"}


@dataclass(frozen=True)
class Training:
    """What a model was trained on, and how well it did on images that it had not seen.

    Attributes
    ----------
    images, groups : int
        How many.
    fingerprint : str
        SHA-256 over the images' bytes and their labels.
    class_counts : dict of str to int
    metrics : dict
        Out-of-fold metrics of each member and the ensemble, with their intervals.
    networks : list of dict
        What is to be known of each fine-tuned network: its backbone, its fingerprint, and how
        many images it has seen.
    held_out : tuple of int
        The images, and their groups, that no fine-tuned network has seen: the metrics, the
        members' weights, the network's calibration and the prediction sets come from these alone.
    doubts : sequence of str
        Why the metrics tell little, a sentence without its full stop each.
    unread : sequence of (str, str)
        The images that could not be read and were left out: the SHA-256 of the file, empty where
        it could not be opened, and the reason. No name: it may hold a patient's.
    calibration, reasons
        Of the images that are measured, see
        `trifuse.classifiers.held_out_figures.describe_held_out`.
    """

    images: int
    groups: int
    fingerprint: str
    class_counts: dict[str, int]
    metrics: dict[str, Any]
    networks: Sequence[Mapping[str, Any]] = ()
    held_out: tuple[int, int] = (0, 0)
    doubts: Sequence[str] = ()
    unread: Sequence[tuple[str, str]] = ()
    calibration: Sequence[Mapping[str, float]] = ()
    reasons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def render_card(about: Mapping[str, Any]) -> str:
    """Write the card from the contents of `model.json`."""
    training = about["training"]
    return TEMPLATE.format(
        n_classes=len(about["classes"]),
        classes=markdown_table(
            ("class", "images"),
            [(name, str(count)) for name, count in training["class_counts"].items()],
        ),
        images=training["images"],
        groups=training["groups"],
        fingerprint=training["fingerprint"],
        unread=_render_unread(training),
        networks=_render_networks(training),
        doubts="".join(f"\n\n{fill(f'**Warning:** {text}.', 92)}" for text in training["doubts"]),
        fitting=_render_fitting(about),
        recipe_fingerprint=about["recipe_fingerprint"],
        metrics=render_metrics(training["metrics"]),
        by_class=_render_classes(training["metrics"].get("ensemble")),
        calibration=_render_calibration(training["calibration"]),
        reasons=_render_reasons(training["reasons"]),
        doubt=_render_doubt(about),
        alerts=render_alerts(about),
        versions=", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    )


def _render_fitting(about: Mapping[str, Any]) -> str:
    sentences = (
        f"The blocks are fused with these weights: {_pairs(about['recipe']['fusion']['weights'])}.",
        f"Weights of the members: {_pairs(about['member_weights'])}.",
        f"Temperatures: {_pairs(about['temperatures'])}.",
        _describe_metadata(about["metadata"]),
    )
    return fill(" ".join(sentences), 92)


def _describe_metadata(columns: Sequence[Mapping[str, Any]]) -> str:
    if not columns:
        return "The probabilities are of an image's pixels alone."
    told = [
        f"{column['name']} ({', '.join(column['words'])})"
        if column["words"]
        else f"{column['name']} ({column['knots'][0]:g} to {column['knots'][-1]:g})"
        for column in columns
    ]
    return f"Taken beside an image's pixels, where it is known: {'; '.join(told)}."


def _render_networks(training: Mapping[str, Any]) -> str:
    if not training["networks"]:
        return ""
    images, groups = training["held_out"]
    named = [
        f"{network['backbone']} ({network['images_seen']} images seen)"
        for network in training["networks"]
    ]
    networks = fill(f"Fine-tuned networks are a member as well: {', '.join(named)}.", 92)
    text = CROSS_FITTED if images == training["images"] else NETWORKS
    return text.format(networks=networks, images=images, groups=groups)


def _render_unread(training: Mapping[str, Any]) -> str:
    if not training["unread"]:
        return ""
    rows = [(reason, f"`{sha256}`" if sha256 else "-") for sha256, reason in training["unread"]]
    table = markdown_table(("reason", "SHA-256"), rows)
    return f"\n\nImages that could not be read and were left out: {len(rows)}.\n\n{table}"


def _render_doubt(about: Mapping[str, Any]) -> str:
    options, figures = about["recipe"]["review"], about["review"]["figures"]
    coverage = map(_percent, figures["coverage"])
    return DOUBT.format(
        promised=_percent(options["coverage"]),
        alarms=_percent(options["false_alarm_rate"]),
        coverage=markdown_table(
            ("class", "coverage"), list(zip(about["classes"], coverage, strict=True))
        ),
        set_size=figures["set_size"],
        large=LARGE_SET,
        large_sets=_percent(figures["large_sets"]),
        false_alarms=_percent(figures["false_alarms"]),
        many=MANY_GROUPS,
        strata=_render_strata(about),
        alone=_render_alone(figures.get("alone")),
    )


def _render_alone(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return ""
    coverage = _percent(figures["coverage"])
    sentence = ALONE.format(coverage=coverage, set_size=figures["set_size"])
    return f"\n\n{fill(sentence, 92)}"


def _render_strata(about: Mapping[str, Any]) -> str:
    if not (strata := about["review"]["figures"].get("strata")):
        return ""
    rows = [
        (
            one["name"],
            str(one["images"]),
            str(one["groups"]),
            _percent(one["coverage"]),
            f"{one['set_size']:.2f}",
        )
        for one in strata
    ]
    columns = ", ".join(about["recipe"]["review"]["groups"])
    table = markdown_table((columns, "images", "groups", "coverage", "set size"), rows)
    return STRATA.format(columns=columns, table=table)


def render_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the out-of-fold metrics as a table, a column a member."""
    rows = [
        (
            TITLES[name],
            *(
                with_interval(member[name], member["intervals"][name])
                for member in metrics.values()
            ),
        )
        for name in CARD_FIGURES
    ]
    return markdown_table(("figure", *metrics), rows)


def _render_classes(metrics: Mapping[str, Any] | None) -> str:
    if metrics is None:
        return ""
    intervals = metrics["intervals"]
    rows = [
        [
            name,
            str(count),
            *(with_interval(metrics[key][name], intervals[key][name]) for key in CLASS_FIGURES),
        ]
        for name, count in metrics["support"].items()
    ]
    table = markdown_table(("class", "images", *CLASS_FIGURES.values()), rows)
    return BY_CLASS.format(table=table)


def _render_calibration(curve: Sequence[Mapping[str, float]]) -> str:
    if not curve:
        return ""
    rows = [
        (
            f"above {row['above']:.1f}",
            str(row["images"]),
            _percent(row["confidence"]),
            _percent(row["accuracy"]),
        )
        for row in curve
    ]
    header = ("probability", "images", "mean probability", "right")
    return CALIBRATION.format(table=markdown_table(header, rows))


def _render_reasons(reasons: Mapping[str, Mapping[str, Any]]) -> str:
    if not reasons:
        return ""
    rows = []
    for name, found in reasons.items():
        share, times, finds, told = "100.0 %", "", "", ""
        wrong = "-" if not found["images"] else _percent(found["wrong"] / found["images"])
        if name != ALL:
            share, told = _percent(found["share"][0]), found["told"]
            value, *interval = found["lift"]
            times = with_interval(value, interval)
            finds = "-" if found["found"][0] is None else _percent(found["found"][0])
        rows.append((name, str(found["images"]), share, wrong, times, finds, told))
    header = ("reason", "images", "share", "first class wrong", "times", "finds", "")
    unseen = "" if LOW_QUALITY in reasons else UNSEEN
    return REASONS.format(large=LARGE_SET, table=markdown_table(header, rows), unseen=unseen)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _pairs(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def describe_promises(name: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a night is held against, of what a model file says of itself.

    Parameters
    ----------
    name : str
        Of the model.
    about : mapping
        As `trifuse.classifiers.model_file.read_about` gives it.

    Returns
    -------
    dict
        `name`; `class_counts`, the training images of each class; and the shares of new images
        that training lets expect: `coverage`, whose prediction set holds their class,
        `unfamiliar` by mistake, and `uncertain` with a large set.
    """

    def find(*keys: str) -> Any:
        found: Any = about
        for key in keys:  # whatever a stranger's file has in their places
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    return {
        "name": name,
        "class_counts": find("training", "class_counts"),
        "coverage": find("recipe", "review", "coverage"),
        "unfamiliar": find("recipe", "review", "false_alarm_rate"),
        "uncertain": find("review", "figures", "large_sets"),
    }
