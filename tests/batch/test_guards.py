"""A storage that is gone ends a run, which can be gone on with; an image that is gone does not."""

import csv
import errno
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from trifuse.batch import job
from trifuse.batch.guards import IN_A_ROW, EndedError, ErrorLimit, StorageGuard
from trifuse.batch.inputs import archive_members, tar_stream
from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.pool import ChunkSize

pytestmark = pytest.mark.slow

OK = Record((1.0,), sha256="0")
FOUND = (1, 2)


def failed(number):
    return Record(None, "cannot read the image", errno=number)


@pytest.fixture
def predict(trifuse, here):
    def run(*arguments, output="o.csv", stdin=b""):
        options = ("-m", "m.trifuse", "-o", output, "-j", "1")
        return trifuse("predict", *arguments, *options, stdin=stdin)

    return run


@pytest.fixture
def share(here, pictures):
    """A folder of forty pictures that could be somebody else's disk."""
    for number in range(40):
        path = Path(f"share/{number // 10}/{number:02}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures[number], path)
    return Path("share")


@pytest.fixture
def after(monkeypatch):
    """Have something done when the rows of so many chunks of four inputs are written."""

    def after(chunks, act):
        real = job.Target.write
        left = [chunks]

        def write(self, scored):
            real(self, scored)
            left[0] -= 1
            if not left[0]:
                act()

        monkeypatch.setattr(job.Target, "write", write)
        monkeypatch.setattr(ChunkSize, "is_full", lambda self, chunk: len(chunk) >= 4)

    return after


def statuses(path):
    rows = csv.DictReader(io.StringIO(Path(path).read_text()))
    return [row["status"] for row in rows]


def unmount(share):
    share.rename("elsewhere")
    share.mkdir()


@pytest.mark.parametrize("vanish", [lambda share: share.rename("elsewhere"), unmount])
@pytest.mark.parametrize("as_list", [False, True])
def test_a_share_that_vanishes(predict, share, after, vanish, as_list):
    inputs, stdin = ["share"], b""
    if as_list:
        inputs, stdin = ["-"], "".join(f"{p}\n" for p in sorted(share.rglob("*.jpg"))).encode()
    assert predict(*inputs, stdin=stdin, output="whole.csv").code == 0
    after(2, lambda: vanish(share))
    result = predict(*inputs, stdin=stdin)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert result.err.startswith("Error: Stopped after ")
    assert result.err.endswith(
        "no image's fault; go on with the same command and --resume when it is there again.\n"
    )
    assert set(statuses("o.csv.partial")) == {"ok"}
    assert not Path("o.csv").exists()
    shutil.rmtree(share, ignore_errors=True)
    Path("elsewhere").rename(share)
    assert predict(*inputs, "--resume", stdin=stdin).code == 0
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_files_that_are_gone_one_by_one_are_rows(predict, share, after):
    after(1, lambda: [Path(f"share/3/{n}.jpg").unlink() for n in (31, 33, 34)])
    assert predict("share").code == 3
    assert [n for n, status in enumerate(statuses("o.csv")) if status == "error"] == [31, 33, 34]


def test_a_member_that_must_be_looked_into_is_not_passed_over(predict, here, monkeypatch):
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("IM1", b"x")

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
        yield

    monkeypatch.setattr(archive_members, "_unpack_zip", fail)
    assert predict("a.zip").code == 3
    assert statuses("o.csv") == ["error"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("n_errors", [IN_A_ROW - 1, 100])
def test_an_archive_whose_disk_fails(predict, pictures, monkeypatch, kind, n_errors):
    if kind == "zip":
        with zipfile.ZipFile("a.zip", "w") as archive:
            for number in range(40):
                archive.write(pictures[number], f"{number}.jpg")
    else:
        with tarfile.open("a.tar", "w") as archive:
            for number in range(40):
                archive.add(pictures[number], f"{number}.jpg")
    left = [12]
    error = OSError(errno.EIO, os.strerror(errno.EIO))
    module, name = (
        (archive_members, "_unpack_zip") if kind == "zip" else (tar_stream.TarStream, "read_chunks")
    )
    real = getattr(module, name)

    def unpack(*arguments):
        left[0] -= 1
        if -n_errors <= left[0] < 0:
            if kind == "tar":
                arguments[0]._broken_by = error
            raise error
        yield from real(*arguments)

    assert predict(f"a.{kind}", output="whole.csv").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(module, name, unpack)
        result = predict(f"a.{kind}")
    if kind == "zip" and n_errors < IN_A_ROW:
        assert result.code == 3
        assert statuses("o.csv") == ["ok"] * 12 + ["error"] * n_errors + ["ok"] * (28 - n_errors)
        assert predict(f"a.{kind}", "--retry-errors").code == 0
    else:
        assert result.code == 1
        assert "(Input/output error), which is no image's fault; go on with" in result.err
        assert statuses("o.csv.partial") == ["ok"] * (12 if kind == "zip" else 6)
        assert predict(f"a.{kind}", "--resume").code == 0
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_list_of_a_disk_that_is_not_there(predict, here):
    few = "".join(f"gone/{n}.jpg\n" for n in range(IN_A_ROW - 1))
    result = predict("-", stdin=f"a.jpg\n{few}b.jpg\n".encode(), output="few.csv")
    assert result.code == 3
    assert statuses("few.csv") == ["ok", *["error"] * (IN_A_ROW - 1), "ok"]
    result = predict("-", stdin=f"a.jpg\n{few}gone/more.jpg\nb.jpg\n".encode())
    assert result.code == 1
    assert result.err == (
        "Error: Stopped after 1 rows: 20 inputs in a row could not be read (No such file or "
        "directory), which is no image's fault; go on with the same command and --resume when it "
        "is there again.\n"
    )
    # Where the folder is there, files that a list names and nobody has are rows.
    missing = "".join(f"in/{n}.jpg\n" for n in range(50)).encode()
    assert predict("-", stdin=missing, output="missing.csv").code == 3


def test_standard_output_is_told_too(shell, here):
    result = shell("yes gone/x.jpg | head -30 | trifuse predict - -m m.trifuse -o - -j 1", here)
    assert result.returncode == 1
    assert result.stderr.endswith(b"directory), which is no image's fault.\n")
    assert result.stdout == b""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_too_many_errors(predict, share, jobs):
    for number in range(1, 40, 2):
        Path(f"share/{number // 10}/{number:02}.jpg").write_text("no image")
    for limit, code in (("20", 3), ("50%", 3), ("5", 1), ("49.9%", 1), ("0", 1)):
        result = predict("share", "--max-errors", limit, "-j", jobs, output=f"{limit}.csv")
        assert result.code == code
        if code == 1:
            assert result.err.count("\n") == 1
            assert result.err.endswith(
                f"are errors, more than --max-errors {limit}; go on with the same command and "
                "--resume and a higher limit, or with --retry-errors.\n"
            )
            assert statuses(f"{limit}.csv.partial").count("error") > 0
    assert predict("share", "--resume", output="5.csv").code == 3
    assert Path("5.csv").read_bytes() == Path("20.csv").read_bytes()


@pytest.mark.parametrize("text", ["", "x", "-1", "5 %", "101%", "1e3", "1.5", "%"])
def test_limits_that_make_no_sense(trifuse, here, text):
    result = trifuse("predict", "a.jpg", "-m", "m.trifuse", "-o", "o.csv", "--max-errors", text)
    assert result.code == 2
    assert "it must be a number such as 50, or a share such as 5%." in result.err
    with pytest.raises(ValueError, match="max_errors is"):
        ErrorLimit(text)


def test_a_share_of_few_rows_says_nothing_before_the_end():
    limit = ErrorLimit("2.5%")
    assert not limit.is_passed(3, 99)
    assert limit.is_passed(3, 100)
    assert not limit.is_passed(5, 200)
    assert limit.is_passed(3, 99, at_end=True)


def test_rows_are_held_back_until_it_is_known_whose_fault_it_is(here):
    guard = StorageGuard(["in"])
    bad = [(Item(f"in/{n}.jpg", stamp=FOUND), [failed(errno.EIO)]) for n in range(IN_A_ROW)]
    good = (Item("in/c.jpg", stamp=FOUND), [OK])
    assert guard.sift([good, *bad[:-1]]) == [good]
    assert guard.sift([good]) == [*bad[:-1], good]
    assert guard.sift(bad[:3]) == []
    assert guard.release() == bad[:3]
    assert guard.problem == ""
    guard = StorageGuard(["in"])
    assert guard.sift([good, *bad, good]) == [good]
    assert guard.problem == "20 inputs in a row could not be read (Input/output error)"
    assert guard.release() == []


@pytest.mark.parametrize(
    ("item", "number", "suspect"),
    [
        (Item("in/x.jpg", stamp=FOUND), errno.ENOENT, True),
        (Item("in/x.jpg"), errno.ENOENT, False),
        (Item("gone/x.jpg"), errno.ENOENT, True),
        (Item("a.jpg/x.jpg"), errno.ENOTDIR, True),
        (Item("in/x.jpg", stamp=FOUND), errno.EACCES, False),
        (Item("in/x.jpg", stamp=FOUND), errno.ESTALE, True),
        (Item("in/x.jpg", stamp=FOUND), errno.ENOTCONN, True),
        (Item("in/x.jpg", stamp=FOUND), errno.EISDIR, False),
        (Item("in/x.jpg", stamp=FOUND), 0, False),
    ],
)
def test_which_errors_may_be_the_storage_s(here, item, number, suspect):
    scored = [(item, [failed(number)])]
    assert StorageGuard(["in"]).sift(scored) == ([] if suspect else scored)


def test_a_folder_that_cannot_be_listed_ends_the_run_at_once(here):
    guard = StorageGuard(["in"])
    fault = Item("in/sub", fault="it is a folder that cannot be read", errno=errno.EIO)
    assert guard.sift([(fault, [failed(errno.EIO)])]) == []
    assert guard.problem == "in/sub cannot be read to its end (Input/output error)"


def test_a_file_that_a_worker_elsewhere_does_not_find(here):
    guard = StorageGuard(["in"])
    item = Item("in/c.jpg", stamp=FOUND)
    assert guard.sift([(item, [failed(errno.ENOENT)])]) == []
    assert guard.problem == "a file that is there is not found by a worker"


def test_a_file_that_must_be_looked_into_is_not_passed_over(predict, here, monkeypatch):
    Path("in/IM1").write_bytes(b"x")
    real = Path.open

    def fail(path, *arguments, **options):
        if path.name == "IM1":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", fail)
    result = predict("in")
    assert result.code == 1
    assert "in cannot be read to its end (Input/output error), which is no image" in result.err


def test_what_was_named_must_be_there_at_the_end_of_the_list(here):
    guard = StorageGuard(["in", "a.jpg", "missing", "-"])
    items = guard.watch(iter([Item("in/c.jpg")]))
    assert next(items) == Item("in/c.jpg")
    Path("a.jpg").unlink()
    assert list(StorageGuard(["in", "a.jpg"]).watch(iter([]))) == []
    Path("in").rename("out")
    with pytest.raises(EndedError, match=r"in is not there any more, or cannot be read"):
        next(items)
