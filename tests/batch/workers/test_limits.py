"""Memory and time: what a worker may take, and the sentence where that is too little."""

import os
import signal
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.child_main import Scorer
from trifuse.batch.workers.messages import Reply, Request, WorkerSettings
from trifuse.batch.workers.supervisor import Child, WorkerError
from trifuse.classifiers.model import Model
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image

pytestmark = pytest.mark.slow

NEEDS_MORE = "it needs more memory than a worker may have; raise --memory"


def test_a_crash_is_not_put_on_memory_where_there_is_plenty(supervise, poison):
    [record] = supervise().score(Item(poison(f"SIGNAL {signal.SIGSEGV.value}")))
    assert record.message == "cannot score the image: it killed its process (SIGSEGV)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the data of a process")
@pytest.mark.parametrize("memory", [1, 60, 130, 200, 250])
def test_too_little_memory_to_load_the_model(supervise, model_file, monkeypatch, memory):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # each thread takes some
        monkeypatch.delenv(variable, raising=False)
    message = (
        rf"^--memory {memory} is too little to load the model {model_file}; "
        r"raise --memory \(4096 unless told\)\.$"
    )
    with pytest.raises(WorkerError, match=message):
        supervise(memory=memory).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the data of a process")
def test_too_little_memory_for_an_image(supervise, tmp_path):
    Image.new("RGB", (9000, 9000)).save(tmp_path / "large.png")
    write_dicom_of_zeros(tmp_path / "large.dcm", 9000)
    supervisor = supervise(memory=500)
    for name in ("large.png", "large.dcm"):
        [record] = supervisor.score(Item(str(tmp_path / name)))
        assert record.message == f"cannot score the image: {NEEDS_MORE}"


def write_dicom_of_zeros(path, side):
    from pydicom import Dataset, dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import RLELossless, SecondaryCaptureImageStorage

    dataset = Dataset()
    for keyword, value in {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": "1.2.3",
        "Rows": side, "Columns": side, "SamplesPerPixel": 1, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2",
    }.items():  # fmt: skip
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.compress(RLELossless, np.zeros((side, side), np.uint8), encoding_plugin="pydicom")
    dcmwrite(path, dataset, enforce_file_format=True)


@pytest.mark.parametrize("content", [None, bytes(2**20)], ids=["a path", "a member of an archive"])
def test_a_stopped_child_does_not_outlast_the_time(supervise, pictures, content):
    supervisor = supervise(timeout=2.0)
    before = supervisor.score(Item(pictures[0]))
    os.kill(supervisor._child._process.pid, signal.SIGSTOP)
    began = time.monotonic()
    [record] = supervisor.score(Item(pictures[0], content))
    assert record.message == "cannot score the image: it took longer than 2 s (--timeout)"
    assert 1.9 < time.monotonic() - began < 10
    assert supervisor.score(Item(pictures[0])) == before


def test_an_answer_that_stops_midway_does_not_outlast_the_time(supervise, poison, pictures):
    supervisor = supervise(timeout=2.0)
    before = supervisor.score(Item(pictures[0]))
    began = time.monotonic()
    [record] = supervisor.score(Item(poison("HALF")))
    assert record.message == "cannot score the image: it took longer than 2 s (--timeout)"
    assert 1.9 < time.monotonic() - began < 10
    assert supervisor.score(Item(pictures[0])) == before


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_probabilities_that_are_no_numbers_are_no_row(model_file, pictures, monkeypatch, number):
    scorer = Scorer.load(WorkerSettings(str(model_file), file_sha256(model_file)))
    verdict = scorer.model.judge(read_image(pictures[0]))
    probabilities = verdict.probabilities.copy()
    probabilities[1] = number
    monkeypatch.setattr(Model, "judge", lambda *_: verdict._replace(probabilities=probabilities))
    [record] = scorer.score(Request(os.fsencode(pictures[0])))
    assert record.probabilities is None
    assert "trifuse failed at it (ArithmeticError)" in record.message


def test_each_frame_has_the_time_to_itself():
    deadlines, answers = [], [Reply(Record((1.0,), frame=number, frames=3)) for number in range(3)]
    answers.append(Reply())

    def receive(kind, deadline):
        deadlines.append(deadline)
        time.sleep(0.1)
        return answers[len(deadlines) - 1]

    child, records = Child.__new__(Child), []
    child._requests = SimpleNamespace(send=lambda _, deadline: deadlines.clear())
    child._replies = SimpleNamespace(receive=receive)
    began = time.monotonic()
    child.score(Request(b"x.dcm"), 5.0, records)
    assert [record.frame for record in records] == [0, 1, 2]
    for number, deadline in enumerate(deadlines):
        assert deadline >= began + 5 + 0.1 * number
