"""The mapper of training: order, threads, progress."""

import os
import sys

import cv2
import pytest
from threadpoolctl import threadpool_info

from trifuse.batch.workers.process_mapper import CHUNK, ProcessMapper
from trifuse.features.threads import limited_threads


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_mapper_of_training(jobs, capsys):
    def threads(item):
        pools = threadpool_info()
        return item, cv2.getNumThreads(), max(pool["num_threads"] for pool in pools)

    found = list(ProcessMapper(jobs)(threads, list(range(20)), "encoding images"))
    assert found == [(item, 1, 1) for item in range(20)]
    assert capsys.readouterr() == ("", "encoding images: 20 images\n")


def test_a_terminal_gets_a_bar_instead(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(ProcessMapper(1)(abs, [1, 2], "encoding images"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "encoding images: 100%" in err
    assert "2/2" in err


def test_a_single_chunk_starts_no_process(capsys):
    def whereabouts(item):
        return os.getpid()

    assert set(ProcessMapper(2)(whereabouts, range(CHUNK), "x")) == {os.getpid()}
    assert os.getpid() not in set(ProcessMapper(2)(whereabouts, range(CHUNK + 1), "x"))


def test_one_job_takes_an_item_when_its_result_is_wanted(capsys):
    taken = []

    def take(item):
        taken.append(item)
        return item

    results = ProcessMapper(1)(take, list(range(5)), "x")
    assert taken == []
    for item in range(3):
        assert next(results) == item
        assert len(taken) <= item + 2


def test_threads_are_given_back():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    pools = [pool["num_threads"] for pool in threadpool_info()]
    try:
        with limited_threads():
            assert cv2.getNumThreads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert cv2.getNumThreads() == 2
        assert [pool["num_threads"] for pool in threadpool_info()] == pools
    finally:
        cv2.setNumThreads(before)
