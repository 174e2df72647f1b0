"""The learning rate of every step, plateaus, the best epoch and the end."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.finetuning import JudgedScheduleOptions
from trifuse.training.networks.schedule import (
    best_epoch,
    count_plateaus,
    is_finished,
    learning_rate,
)

FIGURES = st.lists(st.sampled_from([0.2, 0.4, 0.6, 0.8]), max_size=12)


@st.composite
def schedules(draw, decay=None):
    """Options, and the steps of an epoch."""
    options = JudgedScheduleOptions(
        epochs=draw(st.integers(1, 8)),
        learning_rate=draw(st.floats(1e-6, 1.0)),
        warm_up=draw(st.floats(0, 0.99)),
        decay=decay or draw(st.sampled_from(["cosine", "plateau"])),
        plateau_factor=draw(st.floats(0.1, 0.9)),
        plateau_patience=draw(st.integers(1, 4)),
    )
    return options, draw(st.integers(1, 30))


def rates(options, steps_per_epoch, figures=()):
    total = options.epochs * steps_per_epoch
    return [learning_rate(step, steps_per_epoch, figures, options) for step in range(total)]


@settings(deadline=None)
@given(schedules(), FIGURES)
def test_the_rate_is_above_nothing_and_bounded(schedule, figures):
    options, _ = schedule
    found = rates(*schedule, figures)
    assert all(0 < rate <= options.learning_rate * (1 + 1e-12) for rate in found)


@settings(deadline=None)
@given(schedules())
def test_it_rises_and_then_falls(schedule):
    options, steps_per_epoch = schedule
    found = rates(*schedule)
    rising = round(options.warm_up * options.epochs * steps_per_epoch)
    warm, after = found[:rising], found[rising:]
    assert warm == sorted(warm)
    if warm:
        assert warm[0] == pytest.approx(options.learning_rate / rising)
        assert warm[-1] == pytest.approx(options.learning_rate)
    assert after == sorted(after, reverse=True)
    if after:
        assert after[0] == pytest.approx(options.learning_rate)


@settings(deadline=None)
@given(schedules(decay="cosine"), FIGURES)
def test_a_cosine_does_not_look_at_the_figures(schedule, figures):
    assert rates(*schedule, figures) == rates(*schedule)


@settings(deadline=None)
@given(schedules(decay="plateau"), FIGURES)
def test_every_plateau_multiplies_the_rate(schedule, figures):
    options, steps_per_epoch = schedule
    last = options.epochs * steps_per_epoch - 1
    rising = round(options.warm_up * (last + 1))
    rate = learning_rate(last, steps_per_epoch, figures, options)
    plateaus = count_plateaus(figures, options.plateau_patience) if last >= rising else 0
    assert rate == pytest.approx(options.learning_rate * options.plateau_factor**plateaus)


@settings(deadline=None)
@given(FIGURES, st.integers(1, 4))
def test_plateaus_are_counted_as_by_hand(figures, patience):
    plateaus = 0
    waiting = []
    for number, figure in enumerate(figures):
        if figure > max(figures[:number], default=-math.inf):
            waiting = []
        else:
            waiting.append(figure)
        if len(waiting) == patience:
            plateaus, waiting = plateaus + 1, []
    assert count_plateaus(figures, patience) == plateaus
    assert count_plateaus(sorted(set(figures)), patience) == 0


@settings(deadline=None)
@given(FIGURES.filter(len))
def test_the_best_epoch_is_the_first_of_the_best(figures):
    assert best_epoch(figures) == figures.index(max(figures))


@settings(deadline=None)
@given(FIGURES, st.integers(1, 12), st.integers(1, 5))
def test_the_end(figures, epochs, patience):
    options = JudgedScheduleOptions(epochs=epochs, stop_patience=patience)
    if is_finished(figures, options):
        stale = figures[-patience:]
        before = figures[:-patience]
        assert len(figures) >= epochs or max(stale) <= max(before)
    else:
        assert len(figures) < epochs
        assert best_epoch(figures) > len(figures) - 1 - patience if figures else True


def test_a_training_without_epochs_is_not_over():
    assert not is_finished([], JudgedScheduleOptions(epochs=1, stop_patience=1))
