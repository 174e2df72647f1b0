"""Images drawn at random stand among the doubtful ones, and only the saved file tells which."""

import csv
import io

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from trifuse.datasets.corrections import read_corrections
from trifuse.datasets.table import DatasetError
from trifuse.studies.report.audit_draw import draw_audit, order_queue


@pytest.fixture(scope="module")
def large(make_night):
    """A thousand images, of which each tenth could not be read; the first are the doubtful ones."""
    draw = np.random.default_rng(0)
    rows = []
    for place in range(1000):
        value = 0.5 + 0.5 * draw.random()
        scores = {} if place % 10 == 0 else {"nv": value, "mel": 1 - value}
        rows.append((f"{place}.jpg", scores, ("nv",), (), "x"))
    return make_night(rows)


def test_the_draw_is_fair_and_of_what_could_be_read(large):
    counts = np.zeros(1000)
    for seed in range(400):
        audit = draw_audit(large, 90, seed)
        assert len(set(audit.rows)) == 90
        counts[audit.rows] += 1
    assert audit.mark == "90 of 900"
    assert (counts[~large.is_read] == 0).all()
    # Binomial (400, 0.1): 40 with a deviation of 6.
    assert counts[large.is_read].std() == pytest.approx(6, rel=0.1)
    assert counts[large.is_read].max() < 40 + 5 * 6


def test_the_seed_decides_and_a_larger_audit_has_the_smaller(large):
    assert (draw_audit(large, 50, 2**255).rows == draw_audit(large, 90, 2**255).rows[:50]).all()
    assert set(draw_audit(large, 50, 1).rows) != set(draw_audit(large, 50, 2).rows)


def test_the_queue_has_every_image_once_and_the_audit_in_its_head(large):
    audit = draw_audit(large, 60, 3)
    order = order_queue(large, audit, None)
    assert sorted(order) == list(range(1000))
    places = np.flatnonzero(np.isin(order, audit.rows))
    assert places.max() < 120
    assert (order[places] == audit.rows).all()
    others = [row for row in large.rank_doubts() if row not in set(audit.rows)]
    assert [row for row in order if row not in set(audit.rows)] == others
    assert (order_queue(large, None, 7) == large.rank_doubts()[:7]).all()


def test_every_place_of_the_head_is_as_likely(large):
    taken = np.zeros(120)
    for seed in range(400):
        audit = draw_audit(large, 60, seed)
        taken[np.isin(order_queue(large, audit, 120), audit.rows)] += 1
    assert taken.min() > 200 - 5 * 10
    assert taken.max() < 200 + 5 * 10


def test_more_than_could_be_read_is_refused(large):
    with pytest.raises(DatasetError, match="an audit of 901 images cannot be drawn from 900 that"):
        draw_audit(large, 901, 0)


def test_the_saved_file_tells_and_the_page_does_not(open_night, night, corrections, tmp_path):
    audit = draw_audit(night, 2, 5)
    browser = open_night(night, order=order_queue(night, audit, None), audit=audit)
    for _ in range(8):
        browser.execute_script("bench.act('unsure')")
    shown = browser.find_element(By.TAG_NAME, "body").get_attribute("innerText").lower()
    assert audit.mark not in shown
    assert "audit" not in shown
    content = corrections(browser)
    header, *rows = csv.reader(io.StringIO(content.decode()))
    assert header[-1] == "audit"
    drawn = [night.images[row] for row in sorted(audit.rows)]
    assert [row[0] for row in rows if row[-1]] == drawn
    assert {row[-1] for row in rows} == {"", "2 of 7"}
    path = tmp_path / "corrections.csv"
    path.write_bytes(content)
    read = read_corrections([path])
    assert read.audit == (2, 7)
    assert [row.image for row in read.rows if row.audit] == drawn
