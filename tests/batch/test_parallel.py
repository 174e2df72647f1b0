"""Work in processes gives what the plain loop gives, in order, as it comes."""

import os
import sys
import time

import cv2
import pytest
from threadpoolctl import threadpool_info

from trifuse.batch.parallel import ProcessMapper, WorkerError, chunked, map_chunks
from trifuse.features.threads import limited_threads


def test_chunks():
    assert list(chunked(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunked([], 2)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_plain_loop(jobs):
    def double(items):
        if 0 in items:
            time.sleep(0.3)  # the first chunk is done last
        return [2 * item for item in items]

    assert list(map_chunks(double, iter(range(23)), jobs, 4)) == list(range(0, 46, 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_to_do(jobs):
    assert list(map_chunks(sorted, [], jobs, 4)) == []


def test_one_job_takes_an_item_when_its_result_is_wanted():
    taken = []

    def items():
        for item in range(5):
            taken.append(item)
            yield item

    results = map_chunks(list, items(), 1, 4)
    assert taken == []
    for item in range(3):
        assert next(results) == item
        assert taken == list(range(item + 1))


def test_many_jobs_do_not_take_everything_at_once():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_chunks(list, items(), 2, 4)
    assert next(results) == 0
    assert len(taken) < 100
    assert list(results) == list(range(1, 1000))


def test_a_single_chunk_starts_no_process():
    def whereabouts(items):
        return [os.getpid() for _ in items]

    assert set(map_chunks(whereabouts, range(4), 2, 4)) == {os.getpid()}
    pids = set(map_chunks(whereabouts, range(5), 2, 4))
    assert os.getpid() not in pids


def test_an_error_of_a_worker_is_ours():
    def fail(items):
        return [1 / item for item in items]

    with pytest.raises(ZeroDivisionError):
        list(map_chunks(fail, range(5, -5, -1), 2, 4))


def test_a_worker_that_dies_is_told_and_the_next_job_runs():
    def die(items):
        if 7 in items:
            os._exit(9)
        return items

    message = r"^A worker process died, most likely because memory ran out; run it again with fewer"
    with pytest.raises(WorkerError, match=message):
        list(map_chunks(die, range(40), 2, 4))
    assert list(map_chunks(list, range(9), 2, 4)) == list(range(9))


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
