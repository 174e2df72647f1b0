"""Stages say that they begin, where they are, and how long they took, to whoever listens."""

import logging
from types import SimpleNamespace

import pytest

from trifuse.features import stages
from trifuse.features.stages import say_where, stage


@pytest.fixture
def heard(caplog, monkeypatch):
    monkeypatch.setattr(stages.LOGGER, "handlers", [caplog.handler])
    monkeypatch.setattr(stages.LOGGER, "propagate", False)
    caplog.set_level(logging.DEBUG, "trifuse.stages")
    return lambda: [(r.levelname, r.event, r.getMessage()) for r in caplog.records]


@pytest.mark.parametrize(("seconds", "level"), [(4, "DEBUG"), (75, "INFO")])
def test_a_stage(heard, monkeypatch, seconds, level):
    clock = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(stages, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(stages, "LONG_SECONDS", 5)
    with stage("fitting: 3 folds"):
        say_where("fold 2 of 3")
    took = {4: "4 s", 75: "1 min 15 s"}[seconds]
    assert heard() == [
        ("INFO", "begin", "fitting: 3 folds"),
        ("DEBUG", "place", "fold 2 of 3"),
        (level, "end", f"fitting: done in {took}"),
    ]


def test_a_stage_that_fails_is_not_called_done(heard, monkeypatch):
    monkeypatch.setattr(stages, "LONG_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt), stage("fitting"):
        raise KeyboardInterrupt
    assert [level for level, _, _ in heard()] == ["INFO", "DEBUG"]


def test_a_stage_within_a_stage_is_a_place(heard):
    with stage("outer"), stage("inner: 2"):
        pass
    with stage("next"):
        pass
    assert [(event, text) for _, event, text in heard()][:3] == [
        ("begin", "outer"), ("place", "inner: 2"), ("end", "outer: done in 0 s"),
    ]  # fmt: skip
    assert heard()[3][2] == "next"


def test_percent_signs_are_no_formats(heard):
    with stage("50 %s: x"):
        say_where("%d")
    assert [text for _, _, text in heard()][:2] == ["50 %s: x", "%d"]


def test_nobody_who_does_not_listen_hears(capfd, monkeypatch):
    monkeypatch.setattr(stages.LOGGER, "handlers", [])
    monkeypatch.setattr(stages.LOGGER, "level", logging.NOTSET)
    with stage("fitting"):
        say_where("here")
    assert capfd.readouterr() == ("", "")
