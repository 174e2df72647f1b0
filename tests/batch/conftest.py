"""A working folder for the command line, and images that do to a worker what none should."""

import os
import shutil
from pathlib import Path

import pytest

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
