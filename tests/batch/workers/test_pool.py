"""A stream, scored in chunks by several threads, gives what the plain loop gives, in order."""

import os
import signal
import sys
import threading
import time
from itertools import chain
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.pool import (
    CHUNK_SECONDS,
    CHUNKS_A_JOB,
    FIRST,
    MOST,
    MOST_BYTES,
    ChunkedScoring,
    ChunkResult,
    ChunkSize,
    Supervisors,
    count_jobs,
)
from trifuse.batch.workers.supervisor import WorkerError
from trifuse.features.files import file_sha256


class Workers:
    """Scores an item by its name; `act` is called with the names of a chunk first."""

    def __init__(self, act=lambda names: None):
        self.act = act
        self.chunks = []
        self.closed = threading.Event()

    def score(self, items):
        names = [item.name for item in items]
        self.chunks.append(names)
        self.act(names)
        return ChunkResult([[Record(None, f"of {name}")] for name in names], CHUNK_SECONDS)

    def close(self):
        self.closed.set()


@pytest.fixture(params=[1, 2, 3])
def jobs(request):
    others = set(threading.enumerate())
    yield request.param
    left = set(threading.enumerate()) - others
    for thread in left:  # of joblib's, that end when they find their queue closed
        thread.join(10)
    assert [thread for thread in left if thread.is_alive()] == []


@pytest.fixture(autouse=True)
def of_four(monkeypatch):
    """Chunks of four items."""
    monkeypatch.setattr(ChunkSize, "is_full", lambda self, chunk: len(chunk) >= 4)


def items_of(names):
    return (name if name is None else Item(str(name)) for name in names)


def names_of(found):
    return [[int(item.name) for item in items] for items, _ in found]


def delay_the_first(names):
    if "0" in names:
        time.sleep(0.3)


def test_the_plain_loop(jobs):
    scoring = ChunkedScoring(Workers(delay_the_first), jobs)
    found = list(scoring(items_of(range(23))))
    assert list(chain(*names_of(found))) == list(range(23))
    assert [len(items) for items, _ in found] == [4, 4, 4, 4, 4, 3]
    for items, records in found:
        assert records == [[Record(None, f"of {item.name}")] for item in items]
    assert scoring.whole
    assert not scoring.workers.closed.is_set()


def test_nothing_to_do(jobs):
    scoring = ChunkedScoring(Workers(), jobs)
    assert list(scoring([])) == []
    assert scoring.whole


def test_not_everything_is_taken_at_once(jobs):
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield Item(str(number))

    found = ChunkedScoring(Workers(), jobs)(items())
    assert [item.name for item in next(found)[0]] == ["0", "1", "2", "3"]
    time.sleep(0.3)
    assert len(taken) <= 4 * (CHUNKS_A_JOB * jobs + 2)
    assert sum(len(chunk) for chunk, _ in found) == 996


def test_a_chunk_that_takes_long_holds_the_others_back(jobs):
    """What is done waits in memory for the first: no more than a few chunks may."""
    workers, taken, most = Workers(), [], []

    def act(names):
        if names[0] == "0":
            time.sleep(0.5)
            most.append(len(taken))

    workers.act = act
    items = (taken.append(number) or Item(str(number)) for number in range(1000))
    found = names_of(ChunkedScoring(workers, jobs)(items))
    assert list(chain(*found)) == list(range(1000))
    assert most[0] <= 4 * (CHUNKS_A_JOB * jobs + 2)


def test_what_is_there_is_scored_while_nothing_comes(jobs):
    given = []

    def items():
        yield Item("1")
        while not given:
            time.sleep(0.01)
            yield None
        yield Item("2")

    for chunk, _ in ChunkedScoring(Workers(), jobs)(items()):
        given.append([item.name for item in chunk])
    assert given == [["1"], ["2"]]


def test_what_is_done_is_given_while_a_chunk_fills_slowly(jobs, monkeypatch):
    """Items that come one by one, with no pause that is told, hold no rows back."""
    monkeypatch.setattr(ChunkSize, "is_full", lambda _, chunk: {"3", "11"} & {chunk[-1].name})
    given, had = [], []

    def items():
        for number in range(12):
            time.sleep(0.2 if number > 3 else 0)
            began = time.monotonic()
            while number == 11 and not given and time.monotonic() - began < 20:
                time.sleep(0.01)  # a busy machine starts its workers slowly
            had.append(len(given))
            yield Item(str(number))

    for chunk, _ in ChunkedScoring(Workers(), jobs)(items()):
        given.append(len(chunk))
    assert given == [4, 8]
    assert had[-1] == 1


def test_a_silent_stream_costs_little(jobs):
    def items():
        yield Item("1")
        for _ in range(20):
            time.sleep(0.05)
            yield None
        yield Item("2")

    began = time.process_time()
    assert len(list(ChunkedScoring(Workers(), jobs)(items()))) == 2
    assert time.process_time() - began < 0.5


def test_a_chunk_is_not_cut_while_all_workers_are_busy():
    def items():
        for number in range(12):
            yield Item(str(number))
            yield None

    workers, busy, seen = Workers(), [], []

    def act(names):
        busy.append(names)
        seen.append(len(busy))
        time.sleep(0.2)
        busy.remove(names)

    workers.act = act
    found = names_of(ChunkedScoring(workers, 2)(items()))
    assert list(chain(*found)) == list(range(12))
    assert max(seen) == 2


def test_an_error_of_a_worker_is_raised_behind_what_was_done(jobs):
    def fail(names):
        if "9" in names:
            raise WorkerError("no child can be started")

    scoring, found = ChunkedScoring(Workers(fail), jobs), []
    with pytest.raises(WorkerError, match="no child can be started"):
        found.extend(scoring(items_of(range(40))))
    assert names_of(found) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert not scoring.whole
    assert scoring.workers.closed.is_set()


def test_an_error_of_the_stream_is_raised(jobs):
    def items():
        yield from items_of(range(6))
        raise RuntimeError("the list broke off")

    scoring = ChunkedScoring(Workers(), jobs)
    with pytest.raises(RuntimeError, match=r"^the list broke off$"):
        list(scoring(items()))
    assert not scoring.whole
    assert scoring.workers.closed.is_set()


def test_a_stop_finishes_the_first_chunk(jobs):
    stopping = threading.Event()

    def items():
        for number in range(100):
            if number == 10:
                stopping.set()
            yield Item(str(number))

    scoring = ChunkedScoring(Workers(delay_the_first), jobs, stopping.is_set)
    found = list(chain(*names_of(scoring(items()))))
    assert 4 <= len(found) < 100
    assert found == list(range(len(found)))
    assert len(found) % 4 == 0
    assert not scoring.whole
    assert scoring.workers.closed.is_set()


def test_a_stop_waits_for_no_other_chunk():
    stopping, workers = threading.Event(), Workers()

    def act(names):
        if names[0] == "0":
            stopping.wait(10)
        else:  # a worker that hangs, until it is told to end
            stopping.set()
            workers.closed.wait(60)
            raise WorkerError("told to end")

    workers.act = act
    began = time.monotonic()
    assert names_of(ChunkedScoring(workers, 2, stopping.is_set)(items_of(range(40)))) == [
        [0, 1, 2, 3]
    ]
    assert time.monotonic() - began < 10


def test_a_stop_while_nothing_comes(jobs):
    began, stopping = time.monotonic(), threading.Event()

    def items():
        yield Item("0")
        while True:
            time.sleep(0.05)
            yield None

    scoring = ChunkedScoring(Workers(), jobs, stopping.is_set)
    for chunk in scoring(items()):
        assert names_of([chunk]) == [[0]]
        stopping.set()
    assert time.monotonic() - began < 5
    assert not scoring.whole


def test_what_nobody_waits_for_is_ended(jobs):
    workers, closed_at = Workers(), []
    workers.act = lambda names: names[0] == "0" or workers.closed.wait(60)
    found = ChunkedScoring(workers, jobs)(items_of(range(400)))
    next(found)
    closed_at.append(time.monotonic())
    found.close()
    assert time.monotonic() - closed_at[0] < 10
    assert workers.closed.is_set()
    assert len(workers.chunks) < 20


@pytest.mark.parametrize(("n_items", "counted"), [(0, 1), (10, 1), (11, 4)])
def test_few_inputs_need_one_job(n_items, counted):
    jobs, items = count_jobs(4, items_of(range(n_items)))
    assert jobs == counted
    assert [int(item.name) for item in items] == list(range(n_items))


def test_inputs_that_are_waited_for_may_be_many():
    jobs, items = count_jobs(4, items_of([0, None, 1]))
    assert jobs == 4
    assert [item and item.name for item in items] == ["0", None, "1"]
    assert count_jobs(1, iter([]))[0] == 1


def test_one_job_does_not_import_joblib(shell, tmp_path):
    code = (
        "import sys; from trifuse.batch.workers.pool import ChunkedScoring; "
        "list(ChunkedScoring(None, 1)([None])); print('joblib' in sys.modules)"
    )
    assert shell(f'{sys.executable} -c "{code}"', tmp_path).stdout == b"False\n"


@pytest.mark.parametrize(
    ("seconds", "size"), [(0.04, 50), (0.5, 4), (1.9, 1), (60.0, 1), (1e-6, MOST), (0.0, MOST)]
)
def test_the_size_follows_the_speed(seconds, size):
    chunks = ChunkSize()
    assert chunks.size == FIRST
    for _ in range(30):
        chunks.learn(chunks.size, chunks.size * seconds)
    assert chunks.size == size
    assert size in {1, MOST} or size * seconds == pytest.approx(CHUNK_SECONDS)


def test_one_slow_chunk_does_not_change_everything():
    chunks = ChunkSize()
    for _ in range(30):
        chunks.learn(50, 2.0)
    chunks.learn(50, 8.0)
    assert 20 < chunks.size < 50


def test_a_chunk_is_full_of_items_or_of_bytes(monkeypatch):
    monkeypatch.undo()
    chunks = ChunkSize()
    assert not chunks.is_full([Item("a")] * (FIRST - 1))
    assert chunks.is_full([Item("a")] * FIRST)
    assert not chunks.is_full([Item("a", b"x")])
    assert chunks.is_full([Item("a", bytes(MOST_BYTES))])


@pytest.fixture
def supervisors(model_file):
    made = Supervisors(WorkerSettings(str(model_file), file_sha256(model_file)))
    yield made
    made.close()


def children():
    tasks = Path("/proc/self/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_each_thread_has_a_child_and_none_stays(supervisors, pictures, monkeypatch):
    before = children()
    supervisors.start()
    scoring = ChunkedScoring(supervisors, 2)
    found = list(scoring(Item(path) for path in pictures[:12]))
    assert [item.name for items, _ in found for item in items] == pictures[:12]
    assert all(one.probabilities for _, records in found for [one] in records)
    assert len(supervisors._all) == 2
    supervisors.close()
    assert children() == before
    with pytest.raises(WorkerError, match=r"^The workers of this job were told to end\.$"):
        supervisors.score([Item(pictures[0])])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_children_that_are_killed_cost_nothing(supervisors, pictures):
    before, killed = children(), []

    def items():
        for number, path in enumerate(pictures[:24]):
            if number % 6 == 5 and (alive := sorted(children() - before)):
                killed.append(alive[0])
                os.kill(alive[0], signal.SIGKILL)
            yield Item(path)

    found = list(ChunkedScoring(supervisors, 2)(items()))
    assert [item.name for items, _ in found for item in items] == pictures[:24]
    assert all(one.probabilities for _, records in found for [one] in records)
    assert killed


def test_joblib_is_told_to_use_threads_whatever_the_context_says():
    from joblib import parallel_config

    threads = []
    workers = Workers(lambda names: threads.append(threading.get_ident()))
    with parallel_config("loky"):
        assert len(list(ChunkedScoring(workers, 2)(items_of(range(40))))) == 10
    assert threads
