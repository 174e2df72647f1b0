"""Hostile inputs and private ones: no code of theirs runs, and nothing of them leaks."""

import csv
import hashlib
import io
import json
import os
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from trifuse.batch.outputs import run_file
from trifuse.classifiers.archive import ModelFileError, pack, unpack
from trifuse.classifiers.model_file import HASHED, load_model, read_about
from trifuse.classifiers.output import OutputError
from trifuse.features.backbones import BackboneError
from trifuse.features.cnn import CnnEmbedder

GUARD = """
import os, sys

FORBIDDEN = {f"socket.{name}" for name in (
    "connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "gethostbyaddr")}
AF_UNIX = 1

def tell(name, text):
    with open(os.path.join(os.environ["GUARD"], name), "a") as file:
        file.write(text + "\\n")

def forbid(event, arguments):
    if event in FORBIDDEN or (event == "socket.__new__" and arguments[1] != AF_UNIX):
        caller = sys._getframe(1).f_back
        if caller is None or caller.f_code.co_name != "_has_ipv6":
            tell("used", f"{event} {arguments[1:]} {sys.orig_argv}")
        raise PermissionError("the network was used")

sys.addaudithook(forbid)
tell("processes", " ".join(sys.orig_argv))
"""
"""Libraries may swallow the error, so it is written down; as is every process that is watched.

When urllib3 is imported, as pydicom does by way of requests, it asks whether there is IPv6: refused
like all else, but not written down.
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, shell):
    """Run a line of shell with no network, an empty TMPDIR and a umask; gives what came of it."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))

    def run(line, cwd, umask="022"):
        notes = tmp_path_factory.mktemp("notes")
        (notes / "tmp").mkdir()
        places = {"PYTHONPATH": path, "GUARD": str(notes), "TMPDIR": str(notes / "tmp")}
        result = shell(f"umask {umask}; {line}", cwd, **places)
        used = notes / "used"
        result.used = used.read_text() if used.exists() else ""
        result.processes = (notes / "processes").read_text().splitlines()
        result.left = sorted(path.name for path in (notes / "tmp").rglob("*"))
        return result

    return run


class TestNoNetwork:
    @pytest.mark.parametrize(
        "code",
        [
            "socket.socket()",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
            "socket.getaddrinfo('localhost', 80)",
            "socket.gethostbyname('localhost')",
            "socket.socket(socket.AF_UNIX).connect('x')",
            "socket.socket(socket.AF_UNIX).bind('x')",
            "__import__('urllib.request').request.urlopen('http://127.0.0.1:9')",
        ],
    )
    def test_the_guard_sees_it(self, guarded, tmp_path, code):
        result = guarded(f'python -c "import socket; {code}"', tmp_path)
        assert result.returncode == 1
        assert b"the network was used" in result.stderr
        assert result.used.startswith("socket.")
        assert len(result.processes) == 1

    def test_train_and_predict(self, guarded, here, archive, recipe_file):
        write_dicom("in/d.dcm")
        lines = {
            "train": f"trifuse train {archive} -o new.trifuse --recipe {recipe_file} -j 2",
            "one": "trifuse predict in -m new.trifuse -o one.csv -j 1 --log log",
            "two": f"trifuse predict {archive}/images -m new.trifuse -o two.csv -j 2 --log log",
        }
        for name, line in lines.items():
            result = guarded(line, here, umask="027")
            assert (result.returncode, result.used) == (0, "")
            loky = [process for process in result.processes if "popen_loky_posix" in process]
            scoring = [process for process in result.processes if "workers.main" in process]
            assert (len(loky) >= 2) == (name != "one")
            assert (len(scoring) > 0) == (name != "train")
            assert result.left == []  # of temporary files
        for name in ("new.trifuse", "one.csv", "one.csv.run.json", "two.csv", "log"):
            assert stat.filemode(Path(name).stat().st_mode) == "-rw-r-----"


def test_no_process_takes_a_module_from_the_working_folder(shell, here, archive):
    for name in ("joblib", "multiprocessing", "numpy", "socket", "random", "trifuse", "msgspec"):
        Path(f"{name}.py").write_text("open('stranger', 'a').write(__file__)\nraise SystemExit\n")
    for jobs in (1, 2):
        line = f"trifuse predict {archive}/images -m m.trifuse -o {jobs}.csv -j {jobs} 2>&1"
        result = shell(line, here)
        assert not Path("stranger").exists(), Path("stranger").read_text()
        assert (result.returncode, result.stdout) == (0, b"")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture(params=["pickle", "npy"])
def trap(request, tmp_path):
    """Bytes that make a folder when they are unpickled; at the end it must not be there."""
    marker = tmp_path / "marker"
    content = pickle.dumps(Trap(marker), protocol=0)  # ASCII, as a part may have to be
    if request.param == "npy":
        np.save(file := io.BytesIO(), np.array([Trap(marker)], dtype=object), allow_pickle=True)
        content = file.getvalue()
        np.load(io.BytesIO(content), allow_pickle=True)
    else:
        pickle.loads(content)
    assert marker.exists()  # the trap works
    marker.rmdir()
    yield content
    assert not marker.exists()


@pytest.fixture
def forge(model_file, tmp_path):
    """Write a model file with other parts, or other arrays, and checksums that fit."""

    def write(parts=None, arrays=None):
        files = unpack(model_file.read_bytes(), "model")
        if arrays is not None:
            arrays = {**unpack(files["arrays.npz"], "arrays"), **arrays}
        files |= {"arrays.npz": pack(arrays)} if arrays else {}
        files |= parts or {}
        if "model.json" not in (parts or {}):
            about = json.loads(files["model.json"])
            about["sha256"] = {key: hashlib.sha256(files[key]).hexdigest() for key in HASHED}
            files["model.json"] = json.dumps(about).encode()
        path = tmp_path / "forged.trifuse"
        path.write_bytes(pack(files))
        return path

    return write


SHOWN = ("CARD.md", "backbone.tflite")
"""A text, and a part that this recipe does not use."""
PARTS = ("model.json", "arrays.npz", "lightgbm.txt", *SHOWN)


class TestPickles:
    @pytest.mark.parametrize("name", [*PARTS, "extra.pkl", "../up.pkl", "/tmp/root.npy"])
    def test_in_a_part(self, trap, forge, trifuse, pictures, name):
        path = forge({name: trap})
        reaches = name in SHOWN
        if reaches:
            load_model(path)
            read_about(path)
        else:
            with pytest.raises(ModelFileError):
                load_model(path)
        info = trifuse("info", path)
        assert info.code == (0 if name in {*SHOWN, "arrays.npz", "lightgbm.txt"} else 1)
        predict = trifuse("predict", pictures[0], "-m", path, "-o", "-")
        assert predict.code == (0 if reaches else 1)
        assert predict.err.startswith("" if reaches else f"Error: {path}") or "array" in predict.err

    def test_in_an_array(self, trap, forge, model_file):
        names = unpack(unpack(model_file.read_bytes(), "model")["arrays.npz"], "arrays")
        for name in [*names, "more.npy", "more.pkl"]:
            with pytest.raises(ModelFileError):
                load_model(forge(arrays={name: trap}))

    def test_as_a_network(self, trap):
        with pytest.raises(BackboneError):
            CnnEmbedder(trap).input_size  # noqa: B018 - reads the network


@pytest.mark.parametrize("key", ["classes", "recipe", "recipe_fingerprint"])
@pytest.mark.parametrize("value", [None, 7, [], {}, [[]], "x"])
def test_what_a_model_says_of_itself_is_not_believed(forge, trifuse, model_file, key, value):
    about = json.loads(unpack(model_file.read_bytes(), "model")["model.json"])
    path = forge({"model.json": json.dumps({**about, key: value}).encode()})
    for options in (["--prior", "balanced"], ["--format", "isic"]):
        result = trifuse("predict", "x.jpg", "-m", path, "-o", "-", *options)
        assert result.code == 1
        assert result.err.startswith(f"Error: {path} is no sound model file: ")
        assert result.err.count("\n") == 1


PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
BOMB, LARGE = 257 * 2**20, 64 * 2**20
"""Zeros: more than a member of an archive may have, and many."""
ZEROS = bytes(2**20)


def png_bomb():
    """A PNG that says it has 1,600 million pixels, in 100 bytes."""
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    parts = (b"IHDR" + head, b"IDAT" + zlib.compress(b""), b"IEND")
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_zip(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            with archive.open(zipfile.ZipInfo(name), "w") as member:
                for _ in range(content // 2**20 if isinstance(content, int) else 0):
                    member.write(ZEROS)
                member.write(b"" if isinstance(content, int) else content)


def write_tar(file, members):
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = content if isinstance(content, int) else len(content)
            archive.addfile(info, Zeros() if isinstance(content, int) else io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("link.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)


class Zeros:
    def read(self, size):
        return bytes(size)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_archives_that_mean_harm(shell, here, pictures):
    picture, inner = Path(pictures[0]).read_bytes(), io.BytesIO()
    write_zip(inner, [("x.jpg", picture)])
    outside = here.parent / "outside.jpg"
    names = ["../outside.jpg", str(outside), "a.jpg", "a.jpg"]
    harmless = [(name, picture) for name in names] + [("nested.zip", inner.getvalue())]
    harmful = [("bomb.jpg", BOMB), *[("large.png", LARGE)] * 4, ("huge.png", png_bomb())]
    (here / "work").mkdir()
    write_zip(here / "e.zip", harmless + harmful)
    write_tar(here / "e.tar.gz", harmless + harmful)
    (here / "peak.py").write_text(PEAK)
    before = sorted(here.rglob("*"))
    line = (
        "python ../peak.py peak trifuse predict ../e.zip ../e.tar.gz -m ../m.trifuse -o o.csv -j 1"
    )
    result = shell(line, here / "work")
    assert result.returncode == 3
    for name in ("zip", "tar.gz"):
        assert f"../e.{name}: passed over 1 archive in it; unpack" in result.stderr.decode()
    assert "../e.tar.gz: passed over 3 members that are links" in result.stderr.decode()
    with (here / "work" / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    each = [*names, "bomb.jpg", *["large.png"] * 4, "huge.png"]
    assert [row["image"] for row in rows] == [
        f"../e.{kind}/{name}" for kind in ("zip", "tar.gz") for name in each
    ]
    assert [row["status"] for row in rows] == [*["ok"] * 4, *["error"] * 6] * 2
    assert "256 MiB" in rows[4]["message"]
    assert "limit of 100,000,000 pixels" in rows[9]["message"]
    made = {"work/peak", "work/o.csv", "work/o.csv.run.json"}
    assert set(here.rglob("*")) - set(before) == {here / name for name in made}
    assert not outside.exists()
    # In KiB: what a process needs anyway, and one member and its copy; not all of them.
    assert int(Path("work/peak").read_text()) < 380 * 1024


PATIENT = ("DOE", "JANE", "4711-P", "19700102", "SECRET")
UID = "1.2.826.0.1.3680043.8.498.7"


def write_dicom(path, **elements):
    """Write a DICOM file of two frames that says in many places whose they are."""
    from pydicom import Dataset, dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset, noise = Dataset(), np.random.default_rng(0).integers(0, 256, 2 * 64 * 64 * 3)
    standard = {
        "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": UID, "Rows": 64,
        "PatientName": "DOE^JANE", "PatientID": "4711-P", "PatientBirthDate": "19700102",
        "ImageComments": "SECRET", "StudyDescription": "SECRET", "Columns": 64,
        "SamplesPerPixel": 3, "PlanarConfiguration": 0, "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0, "PhotometricInterpretation": "RGB",
        "NumberOfFrames": 2, "PixelData": noise.astype(np.uint8).tobytes(),
    }  # fmt: skip
    for keyword, value in (standard | elements).items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(path, dataset, enforce_file_format=True)


@pytest.fixture
def patient(here, pictures):
    """A folder of good and bad files whose names and contents tell a patient's name."""
    folder = Path("in/DOE_JANE_19700102")
    folder.mkdir()
    write_dicom(folder / "good.dcm")
    write_dicom(folder / "bad.dcm", PhotometricInterpretation="SECRET")
    content = (folder / "good.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(content[: len(content) // 2])
    (folder / "header.dcm").write_bytes(content[:500])
    picture = Path(pictures[0]).read_bytes()
    for name, damaged in {
        "JANE.jpg": picture,
        "DOE.png": b"DOE",
        "4711-P.jpg": picture[:999],
    }.items():
        (folder / name).write_bytes(damaged)
    (folder / "DOE.zip").write_bytes(b"DOE")
    with zipfile.ZipFile("in.zip", "w") as archive:
        archive.writestr("DOE/JANE.jpg", picture)
        archive.writestr("DOE/SECRET.jpg", picture[:99])
    return ["in", "in.zip"]


def leaks(*texts):
    return [name for name in PATIENT for text in texts if name.encode() in text]


def test_no_file_of_a_run_names_a_patient(trifuse, patient, monkeypatch):
    Path("key").write_bytes(os.urandom(32))
    arguments = ["predict", *patient, "-m", "m.trifuse", "-o", "o.csv", "--log", "log"]
    arguments += ["--id", "hmac", "--id-key", "key", "--resume"]

    def fail(*_):
        raise OutputError("interrupted")

    with monkeypatch.context() as context:
        context.setattr(run_file.RunFile, "finish", fail)
        interrupted = trifuse(*arguments)
    files = {path: path.read_bytes() for path in map(Path, ("o.csv.partial", "o.csv.journal"))}
    result = trifuse(*arguments)
    assert (interrupted.code, result.code) == (1, 3)
    files |= {path: path.read_bytes() for path in map(Path, ("o.csv", "o.csv.run.json", "log"))}
    rows = list(csv.DictReader(io.StringIO(files[Path("o.csv")].decode())))
    assert [row["status"] for row in rows].count("ok") > 4
    assert [row["status"] for row in rows].count("error") > 4
    assert leaks(*files.values(), result.err.encode(), interrupted.err.encode()) == []
    assert not any(UID.encode() in content for content in files.values())


@pytest.mark.parametrize(("kind", "shown"), [("path", True), ("name", True), ("sha256", False)])
def test_the_uid_is_shown_by_the_ids_that_say_so(trifuse, patient, kind, shown):
    path = "in/DOE_JANE_19700102/good.dcm"
    result = trifuse(
        "predict", path, "-m", "m.trifuse", "-o", "o.csv", "--id", kind, "--log", "log"
    )
    assert result.code == 0
    content = Path("o.csv").read_bytes()
    assert (UID.encode() in content) == shown
    others = [Path(name).read_bytes() for name in ("o.csv.run.json", "log")]
    assert not any(UID.encode() in other for other in others)
    assert leaks(content, *others, result.err.encode()) == []


def test_no_cell_begins_a_formula(trifuse, here, forge, pictures):
    name = "=cmd|' /C calc'!A0.jpg"
    Path(name).parent.mkdir()
    for path in (name, "+1.jpg", "@SUM(A1).jpg", "-2.jpg", "\tx.jpg"):
        Path(path).write_bytes(Path(pictures[0]).read_bytes())
    Path("t.csv").write_text("path,id,=column\n-2.jpg,=id,@cell\nmissing.jpg,+id,-cell\n")
    files = unpack(Path("m.trifuse").read_bytes(), "model")
    about = json.loads(files["model.json"])
    about["classes"] = [f"=label{number}" for number in range(len(about["classes"]))]
    model = forge({"model.json": json.dumps(about).encode()})
    inputs = [name, "+1.jpg", "@SUM(A1).jpg", "\tx.jpg", "t.csv"]
    result = trifuse("predict", "-m", model, "-o", "-", "--probabilities", "--", *inputs)
    assert result.code == 3
    rows = list(csv.reader(io.StringIO(result.out.decode(), newline="")))
    assert len(rows) == 7
    assert rows[1][0] == f"'{name}"
    texts = [cell for row in rows for cell in row if not cell.replace(".", "").isdigit()]
    assert [text for text in texts if text[:1] in set("=+-@\t\r")] == []
    assert sum(text.startswith("'") for text in texts) > 20
