"""The search: it begins with its recipe, ends with its budget, and may be killed at any moment."""

import re

import pytest

from trifuse.studies.tuning import search as module
from trifuse.studies.tuning.search import (
    Budget,
    Trial,
    TuningError,
    best_trial,
    choice_importances,
    open_study,
    run_search,
)
from trifuse.studies.tuning.search_space import Range

pytestmark = pytest.mark.slow

SPACE = {"x": Range(0.01, 100.0), "n": Range(1, 9), "size": (16, 32, 64), "kind": ("a", "a+b")}
START = {"x": 50.0, "n": 9, "size": 64, "kind": "a"}


def score(choices):
    """A loss that depends on x most, on kind a little, and on size not at all."""
    loss = choices["x"] / 100 + choices["n"] / 90 + 0.05 * (choices["kind"] == "a")
    return {"log_loss": loss, "bma": 1 - loss}


@pytest.fixture
def search(tmp_path):
    """Search until a number of trials is done, in a file of a name."""

    def run(name, trials, score=score, objective="log_loss", **options):
        path = tmp_path / f"{name}.sqlite3"
        with open_study(path, objective, {"archive": "1"}) as study:
            budget = Budget(trials, options.pop("minutes", None))
            return run_search(study, SPACE, START, score, budget, **options)

    return run


def test_it_begins_with_the_recipe_and_improves_on_it(search):
    trials = search("search", 30)
    assert len(trials) == 30
    assert trials[0] == Trial(START, score(START))
    assert all(trial.figures == score(trial.choices) for trial in trials)
    assert len({trial.choices["x"] for trial in trials}) == 30
    assert trials[best_trial(trials, "log_loss")].figures["log_loss"] < 0.1


def test_what_is_maximised(search):
    down, up = search("down", 15), search("up", 15, objective="bma")
    assert best_trial(down, "bma") == best_trial(down, "log_loss")
    # The losses mirror each other, and so do the proposals.
    assert [trial.choices for trial in up] == [trial.choices for trial in down]


def test_the_first_of_equals_is_best():
    trials = [Trial({}, {"bma": bma}) for bma in (0.2, 0.5, 0.5, 0.1)]
    assert best_trial(trials, "bma") == 1


@pytest.mark.parametrize("kills", [[0], [0, 0, 1], [7, 7, 14, 19]])
def test_a_search_that_was_killed_gives_the_same(search, kills):
    def dying(allowed):
        def score_or_die(choices):
            nonlocal allowed
            if not allowed:
                raise KeyboardInterrupt
            allowed -= 1
            return score(choices)

        return score_or_die

    done = 0
    for kill in kills:
        with pytest.raises(KeyboardInterrupt):
            search("killed", 20, dying(kill - done))
        done = kill
    assert search("killed", 20) == search("whole", 20)


def test_it_goes_on_with_more_trials_and_the_random_state_counts(search):
    assert len(search("search", 4)) == 4
    assert search("search", 12) == search("whole", 12)
    assert search("search", 12, lambda _: pytest.fail("it was finished")) == search("whole", 12)
    assert search("another", 12, random_state=100) != search("whole", 12)


def test_no_trial_begins_after_the_time(search, monkeypatch):
    now = 0.0

    def slow_score(choices):
        nonlocal now
        now += 60
        return score(choices)

    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    said = []
    assert len(search("search", 9, slow_score, minutes=2.5, say=said.append)) == 3
    assert said == [
        "trial 0 of 9: log_loss 0.6500, best 0.6500, 60 s",
        *said[1:3],
        "the time is spent after 3 of 9 trials",
    ]
    assert len(search("search", 9, slow_score, minutes=1)) == 5  # of each run
    assert len(search("other", 9, slow_score, minutes=1e-9)) == 1  # there must be a best


def test_another_search_is_refused(search, tmp_path):
    search("search", 1)
    path = tmp_path / "search.sqlite3"
    for what, objective, identity in (
        ("objective", "bma", {"archive": "1"}),
        ("archive", "log_loss", {"archive": "2"}),
    ):
        sentence = f"{path} holds a search with another {what}; name another folder."
        with (
            pytest.raises(TuningError, match=f"^{re.escape(sentence)}$"),
            open_study(path, objective, identity),
        ):
            pytest.fail("it was opened")


def test_a_file_that_is_no_search(search, tmp_path):
    path = tmp_path / "search.sqlite3"
    path.write_text("something else " * 100)
    sentence = f"The search in {path} cannot be read or written: file is not a database."
    with pytest.raises(TuningError, match=f"^{re.escape(sentence)}$"):
        search("search", 1)


def test_a_folder_of_any_name(search):
    assert len(search("50 % #1? ü&=", 2)) == len(search("50 % #1? ü&=", 2)) == 2


def test_importances(search, tmp_path):
    search("search", 30)
    with open_study(tmp_path / "search.sqlite3", "log_loss", {"archive": "1"}) as study:
        shares = choice_importances(study)
        assert shares == choice_importances(study)
    assert sum(shares.values()) == pytest.approx(1)
    assert next(iter(shares)) == "x"
    assert shares["x"] > 0.5
    assert shares["size"] < 0.05
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


@pytest.mark.parametrize("trials", [1, 3])
def test_nothing_is_important_where_nothing_differs(search, tmp_path, trials):
    search("search", trials, lambda _: {"log_loss": 1.0})
    with open_study(tmp_path / "search.sqlite3", "log_loss", {"archive": "1"}) as study:
        assert choice_importances(study) == {}
