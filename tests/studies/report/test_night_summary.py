"""The head of the page: its figures, what training promised, and what to do next."""

from datetime import UTC, datetime

import pytest

from trifuse.studies.report.night_summary import Manifest, NightSummary

MANIFEST = {
    "images": 8,
    "seconds": 4.0,
    "kept": 0,
    "attempts": [{"started": "2026-11-26T22:00:00.000+00:00"}],
    "finished": "2026-11-27T04:00:00.000+00:00",
    "options": {"model": "f" * 64, "classes": ["df", "mel", "nv", "vasc"], "id": "path"},
    "model": {
        "name": "ham.trifuse",
        "class_counts": {"df": 10, "mel": 20, "nv": 60, "vasc": 10},
        "unfamiliar": 0.02,
        "uncertain": 0.05,
    },
}


def test_the_counts(night):
    summary = NightSummary(night, Manifest({}))
    assert (summary.n_images, summary.n_unread, summary.n_flagged, summary.n_sure) == (8, 1, 4, 3)
    assert sum(summary.histogram()) == 7
    assert [one.number for one in summary.classes()] == [1, 2, 3, 1]
    assert sum(one.night for one in summary.classes()) == pytest.approx(1)
    assert [(one.name, one.number) for one in summary.reasons()] == [
        ("unfamiliar", 2), ("uncertain", 1), ("low-quality", 2),
    ]  # fmt: skip
    assert summary.errors() == [("it is empty", 1)]


def test_what_the_manifest_tells(night):
    manifest = Manifest(MANIFEST)
    assert manifest.classes == ("df", "mel", "nv", "vasc")
    assert manifest.rate == 2
    assert manifest.period == (
        datetime(2026, 11, 26, 22, tzinfo=UTC), datetime(2026, 11, 27, 4, tzinfo=UTC),
    )  # fmt: skip
    summary = NightSummary(night, manifest)
    assert [one.training for one in summary.classes()] == [0.1, 0.2, 0.6, 0.1]
    assert [one.expected for one in summary.reasons()] == [0.02, 0.05, None]
    assert not manifest.hides_names
    assert Manifest({"options": {"id": "hmac"}}).hides_names


@pytest.mark.parametrize("change", [{"attempts": [{}, {}]}, {"kept": 3}, {"seconds": 0}])
def test_a_speed_is_told_only_of_one_whole_run(change):
    assert Manifest(MANIFEST | change).rate is None


@pytest.mark.parametrize(
    "odd", [None, [], "x", 1, {"a": 1}, [[]], float("nan"), float("inf"), True, -1]
)
def test_a_manifest_may_hold_anything(night, odd):
    for name in MANIFEST:
        summary = NightSummary(night, Manifest(MANIFEST | {name: odd}))
        assert list(summary.advice())
        assert summary.manifest.classes in ((), ("df", "mel", "nv", "vasc"))
        assert summary.manifest.rate in (None, 2) or odd == 1
    for name in MANIFEST["model"]:
        model = MANIFEST["model"] | {name: odd}
        summary = NightSummary(night, Manifest(MANIFEST | {"model": model}))
        assert list(summary.advice())
        assert all(one.training is None or 0 <= one.training <= 1 for one in summary.classes())


def many(make_night, n_unfamiliar, n=1000, label="nv"):
    rows = [
        (str(row), {label: 0.9, "df": 0.1}, (label,),
         ("unfamiliar",) if row < n_unfamiliar else (), "")
        for row in range(n)
    ]  # fmt: skip
    return make_night(rows)


@pytest.mark.parametrize(("n_unfamiliar", "is_told"), [(20, False), (33, False), (34, True)])
def test_more_unfamiliar_images_than_chance_brings_are_told(make_night, n_unfamiliar, is_told):
    """Of 1,000 images 20 are expected, with a standard deviation of 4.4."""
    summary = NightSummary(many(make_night, n_unfamiliar), Manifest(MANIFEST))
    text = " ".join(summary.advice())
    assert ("deserve doubt too" in text) == is_told
    assert ("as training promises" in text) != is_told


def test_other_class_shares_are_told(make_night):
    text = " ".join(NightSummary(many(make_night, 0), Manifest(MANIFEST)).advice())
    assert "(nv: 100% instead of 60%)" in text
    text = " ".join(NightSummary(many(make_night, 0, 20), Manifest(MANIFEST)).advice())
    assert "instead of" not in text


def test_kinds_of_errors_are_put_together(make_night):
    messages = [f"cannot read the image: it has {n:,} rows (of {n})" for n in range(990, 1010)]
    messages += [f"cannot read the image: reason {'x' * n}" for n in range(9)]
    night = make_night([(str(n), {}, (), (), one) for n, one in enumerate(messages)])
    errors = NightSummary(night, Manifest({})).errors()
    assert errors[0] == ("it has N rows", 20)
    assert errors[-1] == ("…", 4)
    assert sum(number for _, number in errors) == 29
