"""Why a member cannot be unpacked is said in words, without a path."""

import lzma
import zipfile
import zlib

import pytest

from trifuse.batch.inputs.archive_members import explain_unpacking
from trifuse.batch.inputs.tar_stream import ArchiveError

DAMAGED = "its data in the archive is damaged or cut off"


@pytest.mark.parametrize(
    ("error", "clause"),
    [
        (ArchiveError("it is encrypted"), "it is encrypted"),
        (MemoryError(), "there is not enough memory to unpack it"),
        (NotImplementedError("a.jpg"), "it is packed in a way that is not supported"),
        (OSError(5, "Input/output error"), "the archive cannot be read (Input/output error)"),
        (OSError("Invalid data stream"), DAMAGED),
        (OSError(22, "Invalid argument"), DAMAGED),
        (zipfile.BadZipFile("Bad CRC-32 for file 'a.jpg'"), DAMAGED),
        (zlib.error("Error -3"), DAMAGED),
        (lzma.LZMAError("Corrupt input data"), DAMAGED),
        (EOFError(), DAMAGED),
        (ValueError("a.jpg"), DAMAGED),
    ],
)
def test_every_error_has_its_clause(error, clause):
    assert explain_unpacking(error) == clause
