"""Chunks of a stream, worked on by a pool, give what the plain loop gives, in order."""

import os
import time
from concurrent.futures import Future

import pytest

from trifuse.batch.workers.mapping import MOST_LOSSES, ChunkMap
from trifuse.batch.workers.pools import InlinePool, LokyPool
from trifuse.batch.workers.supervisor import WorkerError


@pytest.fixture(params=["inline", "loky"])
def pool(request):
    pool = InlinePool() if request.param == "inline" else LokyPool(2)
    yield pool
    pool.close(now=True)


@pytest.fixture
def loky():
    pool = LokyPool(2)
    yield pool
    pool.close(now=True)


def of_size(size):
    return lambda chunk: len(chunk) == size


def results_of(chunks, items):
    return [result for _, results in chunks(items) for result in results]


@pytest.fixture
def double():
    def double(items):
        if 0 in items:
            time.sleep(0.3)  # the first chunk is done last
        return [2 * item for item in items]

    return double  # a function within a function travels by value


def test_the_plain_loop(pool, double):
    chunks = ChunkMap(double, pool, of_size(4))
    found = list(chunks(iter(range(23))))
    assert [item for chunk, _ in found for item in chunk] == list(range(23))
    assert [result for _, results in found for result in results] == list(range(0, 46, 2))
    assert [len(chunk) for chunk, _ in found] == [4, 4, 4, 4, 4, 3]
    assert chunks.whole


def test_nothing_to_do(pool, double):
    chunks = ChunkMap(double, pool, of_size(4))
    assert list(chunks([])) == []
    assert chunks.whole


def test_not_everything_is_taken_at_once(pool):
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    found = ChunkMap(list, pool, of_size(4))(items())
    assert next(found) == ([0, 1, 2, 3], [0, 1, 2, 3])
    assert len(taken) < 50
    assert sum(len(chunk) for chunk, _ in found) == 996


def test_what_is_there_is_worked_on_while_nothing_comes(pool):
    def items():
        yield 1
        while not given:
            time.sleep(0.01)
            yield None
        yield 2

    given = []
    for chunk, _ in ChunkMap(list, pool, of_size(4))(items()):
        given.append(chunk)
    assert given == [[1], [2]]


def test_a_chunk_is_not_cut_while_all_workers_are_busy(loky):
    def slow(items):
        time.sleep(0.4)
        return items

    def items():
        for item in range(12):
            yield item
            yield None

    sizes = [len(chunk) for chunk, _ in ChunkMap(slow, loky, of_size(4))(items())]
    assert sizes == [1, 1, 4, 4, 2]


def test_an_error_of_the_function_is_ours(pool):
    def fail(items):
        return [1 / item for item in items]

    with pytest.raises(ZeroDivisionError):
        results_of(ChunkMap(fail, pool, of_size(4)), range(5, -5, -1))


def test_a_stop_finishes_the_first_chunk(pool, double):
    stopping = []

    def items():
        for item in range(100):
            if item == 10:
                stopping.append(True)
            yield item

    chunks = ChunkMap(double, pool, of_size(4), lambda: bool(stopping))
    found = results_of(chunks, items())
    assert 4 <= len(found) < 100
    assert found == list(range(0, 2 * len(found), 2))
    assert len(found) % 4 == 0
    assert not chunks.whole


def test_a_worker_that_is_killed_costs_no_result(loky, tmp_path):
    def die_once(items):
        mark = tmp_path / "died"
        if 9 in items and not mark.exists():
            mark.touch()
            os._exit(9)
        return items

    assert results_of(ChunkMap(die_once, loky, of_size(4)), range(40)) == list(range(40))
    assert (tmp_path / "died").exists()


def test_workers_that_die_again_and_again_are_told(loky, tmp_path):
    def die(items):
        if 7 in items:
            with (tmp_path / "deaths").open("a") as file:
                file.write("x")
            os._exit(9)
        return items

    message = r"^Worker processes die again and again, most likely because memory runs out; run it"
    found = ChunkMap(die, loky, of_size(4))(range(40))
    assert next(found) == ([0, 1, 2, 3], [0, 1, 2, 3])
    with pytest.raises(WorkerError, match=message):
        next(found)
    assert len((tmp_path / "deaths").read_text()) == MOST_LOSSES + 1


class FakePool:
    """A pool whose results never come, so that they must be cancelled."""

    slots = 1
    losses = ()

    def __init__(self):
        self.futures = []

    def submit(self, function, chunk):
        self.futures.append(Future())
        return self.futures[-1]


def test_what_nobody_waits_for_is_cancelled():
    pool = FakePool()

    def items():
        yield from range(2)
        raise RuntimeError("the list broke off")

    with pytest.raises(RuntimeError, match="the list broke off"):
        list(ChunkMap(list, pool, of_size(1))(items()))
    assert [future.cancelled() for future in pool.futures] == [True, True]


def test_the_environment_is_left_as_it_was(double):
    before = dict(os.environ)
    pool = LokyPool(2)
    results_of(ChunkMap(double, pool, of_size(4)), range(9))
    pool.close(now=False)
    assert dict(os.environ) == before
