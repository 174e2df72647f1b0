"""An image may do to its worker what it likes: it costs its own record and no other."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.supervisor import (
    Child,
    ChildError,
    ChildTimeoutError,
    Supervisor,
    WorkerError,
)
from trifuse.classifiers.model_file import load_model
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image

pytestmark = [pytest.mark.slow, pytest.mark.measured]

PERHAPS = "perhaps for want of memory; raise --memory"
NEEDS_MORE = "it needs more memory than a worker may have; raise --memory"


def test_a_picture_is_scored_as_the_model_does(supervise, model_file, pictures):
    [record] = supervise().score(Item(pictures[0]))
    verdict = load_model(model_file).judge(read_image(pictures[0]))
    assert record.probabilities == tuple(verdict.probabilities.tolist())
    assert record.prediction_set == verdict.prediction_set
    assert (record.unfamiliar, record.flaws) == (verdict.unfamiliar, verdict.flaws)
    assert record.sha256 == hashlib.sha256(Path(pictures[0]).read_bytes()).hexdigest()
    assert (record.message, record.uid, record.frame, record.frames) == ("", "", 0, 1)


def test_content_is_scored_like_its_file(supervise, pictures):
    supervisor = supervise()
    content = Path(pictures[1]).read_bytes()
    assert supervisor.score(Item("no/such.zip/x.jpg", content)) == supervisor.score(
        Item(pictures[1])
    )


def test_what_cannot_be_read_says_why_without_its_name(supervise, tmp_path):
    supervisor = supervise()
    (tmp_path / "empty.jpg").touch()
    for name, reason in {
        tmp_path / "missing.jpg": "there is no such file",
        tmp_path: "it is a folder, not an image file",
        tmp_path / "empty.jpg": "it is empty",
    }.items():
        [record] = supervisor.score(Item(str(name)))
        assert record.probabilities is None
        assert record.message == f"cannot read the image: {reason}"
    [record] = supervisor.score(Item("x", fault="line 7 of the table has no path"))
    assert record == Record(None, "cannot read the image: line 7 of the table has no path")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"SIGNAL {signal.SIGSEGV.value}", f"it killed its process (SIGSEGV), {PERHAPS}"),
        (f"SIGNAL {signal.SIGKILL.value}", "it killed its process (SIGKILL)"),
        (f"SIGNAL {signal.SIGABRT.value}", f"it killed its process (SIGABRT), {PERHAPS}"),
        ("SIGNAL 35", f"it killed its process (signal 35), {PERHAPS}"),
        ("EXIT 3", f"its process ended with code 3, {PERHAPS}"),
        ("HANG", "it took longer than 2 s (--timeout)"),
        ("BURST", NEEDS_MORE),
        ("WORDS OpenCV(5.0.0) (-4:Insufficient memory) Failed", NEEDS_MORE),
        ("WORDS out of memory error when reading image file", NEEDS_MORE),
        ("WORDS std::bad_alloc", NEEDS_MORE),
        ("BUG", "trifuse failed at it (RuntimeError); please report"),
    ],
)
def test_poison(supervise, poison, pictures, content, reason):
    timeout = 2.0 if content == "HANG" else 60.0  # a busy machine fills memory slowly
    supervisor = supervise(timeout=timeout, memory=1024)
    before = supervisor.score(Item(pictures[0]))
    [record] = supervisor.score(Item(poison(content)))
    assert record._replace(sha256="") == Record(None, f"cannot score the image: {reason}")
    assert supervisor.score(Item(pictures[0])) == before


def test_what_libraries_print_is_not_taken_for_a_reply(supervise, poison, capfd):
    [record] = supervise().score(Item(poison("NOISE")))
    assert record.message.startswith("cannot read the image: it is not a JPEG")
    assert capfd.readouterr() == ("", "")


def test_an_image_is_not_blamed_for_a_death_that_somebody_else_caused(supervise, poison, tmp_path):
    [record] = supervise().score(Item(poison(f"ONCE {tmp_path / 'mark'}")))
    assert (tmp_path / "mark").exists()
    assert record.message.startswith("cannot read the image: it is not a JPEG")


def test_a_child_that_dies_after_its_last_word_is_believed(supervise, pictures, monkeypatch):
    def die(child, request, timeout, records):
        score(child, request, timeout, records)
        raise ChildError("it killed its process (SIGKILL)")

    supervisor = supervise()
    before = supervisor.score(Item(pictures[0]))
    score = Child.score
    monkeypatch.setattr(Child, "score", die)
    assert supervisor.score(Item(pictures[0])) == before


@pytest.mark.parametrize("error", [ChildError, ChildTimeoutError])
def test_a_frame_that_kills_costs_its_own_row(supervise, monkeypatch, error):
    asked = []

    def score(child, request, timeout, records):
        asked.append(request.first_frame)
        for frame in range(request.first_frame, 4):
            if frame in {1, 3}:
                raise error("it is gone")
            records.append(Record((1.0,), sha256="s", uid="1.2", frame=frame, frames=4))

    monkeypatch.setattr(Child, "score", score)
    records = supervise().score(Item("x.dcm"))
    assert [(record.frame, record.frames, record.uid) for record in records] == [
        (frame, 4, "1.2") for frame in range(4)
    ]
    lost = "cannot score the image: it is gone"
    assert [record.message for record in records] == ["", lost, "", lost]
    # A frame that killed its child is tried once more; one that hung is not.
    assert asked == ([0, 1, 2, 3] if error is ChildError else [0, 2])


def test_a_child_that_was_killed_between_two_images_is_replaced(supervise, pictures):
    supervisor = supervise()
    before = supervisor.score(Item(pictures[0]))
    first = supervisor._child
    os.kill(first._process.pid, signal.SIGKILL)
    assert supervisor.score(Item(pictures[0])) == before
    assert supervisor._child is not first


def test_the_child_stays_from_image_to_image(supervise, pictures):
    supervisor = supervise()
    supervisor.score(Item(pictures[0]))
    child = supervisor._child
    supervisor.score(Item(pictures[1]))
    supervisor.score(Item("missing.jpg"))
    assert supervisor._child is child


def test_a_spare_child_is_used(model_file, pictures):
    spare = Child()
    supervisor = Supervisor(WorkerSettings(str(model_file), file_sha256(model_file)), spare)
    supervisor.start()
    assert supervisor._child is spare
    supervisor.close()
    assert spare._process.poll() is not None
    spare.kill()  # again: nothing to do


def test_a_model_that_was_replaced_is_not_used(supervise, model_file):
    message = rf"^The model {model_file} was replaced while images were being scored\.$"
    with pytest.raises(WorkerError, match=message):
        supervise(model_sha256="0" * 64).start()


def test_a_model_that_cannot_be_loaded(supervise, tmp_path):
    path = tmp_path / "bad.trifuse"
    path.write_bytes(b"no zip")
    with pytest.raises(WorkerError, match=rf"^{path} is no model file of trifuse, or is damaged: "):
        supervise(model=str(path)).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_leaves_signals_to_the_supervisor(supervise, pictures, number):
    supervisor = supervise()
    before = supervisor.score(Item(pictures[0]))
    child = supervisor._child
    os.kill(child._process.pid, number)
    assert supervisor.score(Item(pictures[0])) == before
    assert supervisor._child is child


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
@pytest.mark.parametrize("content", ["HANG", None])
def test_a_child_does_not_outlive_its_supervisor(model_file, pictures, poison, content):
    path = pictures[0] if content is None else poison(content)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from threading import Thread\n"
        "from trifuse.batch.inputs.items import Item\n"
        "from trifuse.batch.workers.messages import WorkerSettings\n"
        "from trifuse.features.files import file_sha256\n"
        "from trifuse.batch.workers.supervisor import Supervisor\n"
        "s = Supervisor(WorkerSettings(sys.argv[1], file_sha256(Path(sys.argv[1]))))\n"
        "s.start()\n"
        "print(s._child._process.pid, flush=True)\n"
        "s.score(Item(sys.argv[2]))\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(model_file), path], stdout=subprocess.PIPE
    )
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    for _ in range(100):
        try:
            state = Path(f"/proc/{child}/stat").read_text().split(")")[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its supervisor")


def test_no_module_is_taken_from_the_working_folder(supervise, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("numpy", "msgspec", "cv2"):
        Path(f"{name}.py").write_text("raise SystemExit('a stranger was run')")
    [record] = supervise().score(Item(pictures[0]))
    assert record.probabilities is not None


def test_a_child_that_is_killed_while_it_loads_the_model_is_replaced(supervise, pictures):
    supervisor = supervise()
    supervisor._spare = spare = Child()
    os.kill(spare._process.pid, signal.SIGKILL)
    [record] = supervisor.score(Item(pictures[0]))
    assert record.probabilities is not None
    assert supervisor._child is not spare


def test_a_model_that_kills_every_child_is_told(supervise, monkeypatch, model_file):
    def die(child, settings):
        os.kill(child._process.pid, signal.SIGSEGV)
        return load(child, settings)

    load = Child.load
    monkeypatch.setattr(Child, "load", die)
    message = rf"^The model {model_file} cannot be loaded: it killed its process \(SIGSEGV\)\.$"
    with pytest.raises(WorkerError, match=message):
        supervise().start()


def test_another_thread_may_close_it(supervise, poison):
    supervisor = supervise()
    supervisor.start()
    child = supervisor._child
    with ThreadPoolExecutor() as threads:
        scored = threads.submit(supervisor.score, Item(poison("HANG")))
        time.sleep(0.5)
        supervisor.close()
        with pytest.raises(WorkerError, match=r"^The workers of this job were told to end\.$"):
            scored.result(30)
    assert child._process.poll() is not None
    assert supervisor._child is None


def test_another_thread_may_close_it_while_it_loads(supervise, monkeypatch):
    def close(child, settings):
        supervisor.close()
        return load(child, settings)

    load = Child.load
    monkeypatch.setattr(Child, "load", close)
    supervisor = supervise()
    with pytest.raises(WorkerError):
        supervisor.start()
    assert supervisor._child is None
