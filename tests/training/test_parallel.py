"""Functions of many images: order, threads, progress."""

import os
import sys
from functools import partial

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from trifuse.cli.say import show_stages
from trifuse.training.parallel import CHUNK, map_images


def test_a_plain_loop_tells_nothing(capsys):
    show_stages()
    assert list(map_images(partial(pow, 2), [1, 2, 3], "powers")) == [2, 4, 8]
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def two_threads(monkeypatch):
    """Let libraries here, and in processes begun here, take two threads unless they are limited."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with threadpool_limits(2):
        yield


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_thread_a_process(jobs, capsys, two_threads):
    def threads(item):
        pools = threadpool_info()
        return item, cv2.getNumThreads(), max(pool["num_threads"] for pool in pools)

    show_stages()
    found = list(map_images(threads, list(range(20)), "encoding images", jobs))
    assert found == [(item, 1, 1) for item in range(20)]
    assert capsys.readouterr() == ("", "encoding images: 20 images\n")


def test_a_terminal_gets_a_bar_instead(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(map_images(abs, [1, 2], "encoding images", 1))
    out, err = capsys.readouterr()
    assert out == ""
    assert "encoding images: 100%" in err
    assert "2/2" in err


def test_a_single_chunk_starts_no_process(capsys):
    def whereabouts(item):
        return os.getpid()

    assert set(map_images(whereabouts, range(CHUNK), "x", 2)) == {os.getpid()}
    assert os.getpid() not in set(map_images(whereabouts, range(CHUNK + 1), "x", 2))


def test_one_job_takes_an_item_when_its_result_is_wanted(capsys):
    taken = []

    def take(item):
        taken.append(item)
        return item

    results = map_images(take, list(range(5)), "x", 1)
    assert taken == []
    for item in range(3):
        assert next(results) == item
        assert len(taken) <= item + 2
