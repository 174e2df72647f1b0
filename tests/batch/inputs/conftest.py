"""Archives made in memory, and the stream of inputs as the batch job takes it."""

import io
import os
import re
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.items import InputOptions, Item, Selection
from trifuse.batch.inputs.stream import walk_folder


@pytest.fixture
def warnings():
    return []


@pytest.fixture(scope="session")
def dicom():
    """The first bytes of a DICOM object, and a few more."""
    return bytes(128) + b"DICM" + b"\x02\x00" * 40


@pytest.fixture(scope="session")
def make_tar():
    """Make the bytes of a tar archive of (name, content) pairs; a TarInfo may stand for a name."""

    def make(*members, mode="w", **options):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode, **options) as archive:
            for name, content in members:
                info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def make_zip():
    """Make the bytes of a zip archive of (name, content) pairs; a ZipInfo may stand for a name."""

    def make(*members, method=zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def strip():
    """Take off an item what tells where and when it was listed."""

    def strip(item):
        return item and item._replace(ordinal=0, stamp=())

    return strip


@pytest.fixture
def read(tmp_path, warnings):
    """Write an archive's bytes to a file and give its items, with names relative to it."""

    def read(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content)
        options = InputOptions((str(path),), **options)
        items = read_archive(str(path), options, Selection(options), warnings.append)
        prefix = re.compile(f"{re.escape(str(path))}/?")

        def shorten(item):
            return item.load()._replace(name=prefix.sub("", item.name, count=1), stamp=())

        return map(shorten, items)  # a loop's variable would keep an item's content in memory

    return read


@pytest.fixture(scope="session")
def traced():
    """Measure the most memory that Python has within a block."""

    @contextmanager
    def trace():
        memory = SimpleNamespace(peak=0)
        tracemalloc.start()
        try:
            yield memory
            _, memory.peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    return trace


@pytest.fixture(scope="session")
def measure(traced):
    """Go through items; gives them and the most memory that Python had meanwhile."""

    def measure(items):
        with traced() as memory:
            found = list(items)
        return found, memory.peak

    return measure


@pytest.fixture
def walk(warnings):
    """Give the items of a folder, with names relative to it."""

    def walk(folder, **options):
        options = InputOptions((str(folder),), **options)
        items = walk_folder(str(folder), options, Selection(options), warnings.append)
        return [item._replace(name=os.path.relpath(item.name, folder)) for item in items]

    return walk


@pytest.fixture(scope="session")
def fill():
    """Write files into a folder, and the folders that they need."""

    def write(folder, *files, content=b""):
        for name in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return write


@pytest.fixture
def walk_names(walk):
    """Give the names of the items of a folder, of which nothing else is to be said."""

    def names(folder, **options):
        items = walk(folder, **options)
        assert all(item == Item(item.name) for item in items)
        return [item.name for item in items]

    return names


@pytest.fixture(scope="session")
def tar_header():
    """Give the block of a tar archive's header; its size may be a lie, and its fields any bytes."""

    def make(name, size=0, kind=tarfile.REGTYPE, fields=()):
        info = tarfile.TarInfo(name)
        info.size, info.type = size, kind
        block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        for offset, field in fields:
            block[offset : offset + len(field)] = field
        block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
        return bytes(block)

    return make
