"""A working folder for the command line, and images that do to a worker what none should."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from trifuse.classifiers.archive import pack, unpack
from trifuse.classifiers.model_file import HASHED

POISON = """
import os, signal, sys, time

if "trifuse.batch.workers.main" in sys.orig_argv:
    from trifuse.features import images

    read_image = images.read_image

    def obey(content, **options):
        kind, _, rest = content.partition(b" ")
        if kind == b"SIGNAL":
            os.kill(os.getpid(), int(rest))
        if kind == b"EXIT":
            os._exit(int(rest))
        if kind == b"HANG":
            time.sleep(600)
        if kind == b"BURST":
            hoard = []
            while True:
                hoard.append(bytearray(2**24))
        if kind == b"BUG":
            raise RuntimeError("DOE^JANE")
        if kind == b"NOISE":
            for descriptor in (1, 2):
                os.write(descriptor, b"noise" * 100)
            print("noise")
        if kind == b"ONCE" and not os.path.exists(rest):
            open(rest, "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return read_image(content, **options)

    images.read_image = obey
"""


@pytest.fixture
def here(tmp_path, monkeypatch, model_file, pictures):
    """A working folder with the model m.trifuse and the pictures a.jpg, b.jpg and in/c.jpg."""
    monkeypatch.chdir(tmp_path)
    Path("m.trifuse").symlink_to(model_file)
    Path("in").mkdir()
    for name, picture in zip(("a.jpg", "b.jpg", "in/c.jpg"), pictures, strict=False):
        shutil.copy(picture, name)
    return tmp_path


@pytest.fixture(scope="session")
def poison_folder(tmp_path_factory):
    """A folder for PYTHONPATH that makes workers obey their images."""
    folder = tmp_path_factory.mktemp("poison")
    (folder / "sitecustomize.py").write_text(POISON)
    return folder


@pytest.fixture
def poison(poison_folder, tmp_path, monkeypatch):
    """Make an image that does what its content says, such as `HANG`; gives its path."""
    path = os.pathsep.join(filter(None, [str(poison_folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONPATH", path)

    def make(content, name=None):
        file = tmp_path / (name or f"{content.replace(' ', '-').replace('/', '')[:40]}.jpg")
        file.write_bytes(content.encode())
        return str(file)

    return make


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


@pytest.fixture
def write_dicom():
    """Write a DICOM file of two frames that says in many places whose they are."""

    def write(path, **elements):
        from pydicom import Dataset, dcmwrite
        from pydicom.dataset import FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

        dataset, noise = Dataset(), np.random.default_rng(0).integers(0, 256, 2 * 64 * 64 * 3)
        standard = {
            "SOPClassUID": SecondaryCaptureImageStorage, "Rows": 64,
            "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.7",
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

    return write
