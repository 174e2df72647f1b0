"""The model card: what a model is, for people, inside its file."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from trifuse.classifiers.conformal import MANY_IMAGES
from trifuse.classifiers.review import LARGE_SET
from trifuse.classifiers.tables import markdown_table

FIGURES = ("bma", "accuracy", "top_3_accuracy", "macro_auc", "ece", "log_loss")

TEMPLATE = """\
# A trifuse model

A research model that ranks images by {n_classes} classes. It is not a medical device and must
not be used to diagnose or treat anybody.

## Classes and training images

{classes}

{images} images of {groups} groups (images of one group were never separated).
Fingerprint of images and labels: `{fingerprint}`.

## Out-of-fold performance

Each image was scored by members that had not seen its group. Codebooks and principal
components, which see no labels, were shared. The calibrations and the members' weights, a
handful of numbers, were chosen on these same scores, so that the ensemble's row is slightly
optimistic.{networks}

{metrics}

## Doubt

{doubt}

## Recipe

Fingerprint `{recipe_fingerprint}`; every choice is in `model.json`. Temperatures:
{temperatures}. Weights of the members: {member_weights}.

## Made with

{versions}
"""


NETWORKS = """

{networks}
They have seen most of the images; the figures here, the members' weights, the network's
calibration and the prediction sets come from the {images} images of {groups} groups that they
have not seen.\
"""

DOUBT = """\
In each class the prediction set of {promised} of the images is to hold the class, and {alarms} of
the images are to be called unfamiliar by mistake. So it was out of fold, each fold under the
bounds that the others gave:

{coverage}

A set held {set_size:.2f} classes on average, and more than {large} for {large_sets} of the images;
{false_alarms} of the images were called unfamiliar. Classes of fewer than {many} images get wider
sets, lest chance in so few images break the promise. All this is for images like the training
archive's.\
"""


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
        networks=_render_networks(training),
        metrics=render_metrics(training["metrics"]),
        doubt=_render_doubt(about),
        recipe_fingerprint=about["recipe_fingerprint"],
        temperatures=_pairs(about["temperatures"]),
        member_weights=_pairs(about["member_weights"]),
        versions=", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    )


def _render_networks(training: Mapping[str, Any]) -> str:
    if not training["networks"]:
        return ""
    images, groups = training["held_out"]
    named = [
        f"{network['backbone']} ({network['images_seen']} images seen)"
        for network in training["networks"]
    ]
    networks = fill(f"Fine-tuned networks are a member as well: {', '.join(named)}.", 92)
    return NETWORKS.format(networks=networks, images=images, groups=groups)


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
        many=MANY_IMAGES,
    )


def render_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the out-of-fold metrics as a table, a row a member."""
    rows = [
        (name, *(f"{figures[key]:.3f}" for key in FIGURES)) for name, figures in metrics.items()
    ]
    header = ("BMA", "accuracy", "top-3 accuracy", "macro AUC", "ECE", "log loss")
    return markdown_table(("member", *header), rows)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _pairs(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())
