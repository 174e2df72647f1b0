"""Zips of plain data: what was packed comes back, and what was not packed here is refused."""

import io
import pickle
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays

FILES = {"a.txt": b"hello", "b": b"", "c.bin": bytes(range(256))}


def zipped(files, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def npy(header, data=b"", version=(1, 0)):
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + data


def plain(shape=(2,), descr="'<f4'", fortran=False):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()


class Trap:
    """A pickle that would fail the test if it were ever loaded."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_files_come_back():
    assert unpack(pack(FILES), "x") == FILES


def test_the_same_files_are_the_same_bytes():
    assert pack(FILES) == pack(dict(FILES))
    with zipfile.ZipFile(io.BytesIO(pack(FILES))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}


FLOATS = st.sampled_from([np.dtype("<f4"), np.dtype("<f8")]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(max_dims=3),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)


@given(st.dictionaries(st.text("abc._", min_size=1, max_size=5), FLOATS))
def test_arrays_come_back(arrays):
    found = unpack_arrays(pack_arrays(arrays), "x")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_numpy_reads_the_arrays_too():
    packed = pack_arrays({"one": np.eye(3, dtype=np.float32)})
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["one"], np.eye(3), strict=False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "File is not a zip file"),
        (b"hello", "File is not a zip file"),
        (zipped([("a", b"1" * 100)], zipfile.ZIP_DEFLATED), "its parts are compressed"),
        (zipped([("a", b"1" * 100)], zipfile.ZIP_BZIP2), "its parts are compressed"),
        (zipped([("a", b"1" * 100)], zipfile.ZIP_LZMA), "its parts are compressed"),
        (zipped([("../a", b"1")]), "it has a name that it should not have"),
        (zipped([("/etc/passwd", b"1")]), "it has a name that it should not have"),
        (zipped([("folder/", b"")]), "it has a name that it should not have"),
        (zipped([("C:a", b"1")]), "it has a name that it should not have"),
        (zipped([("..\\a", b"1")]), "it has a name that it should not have"),
    ],
)
def test_other_zips_are_refused(content, reason):
    message = rf"^x is no model file of trifuse, or is damaged: {reason}\.$"
    with pytest.raises(ModelFileError, match=message):
        unpack(content, "x")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused():
    with pytest.raises(ModelFileError, match="it has a name that it should not have"):
        unpack(zipped([("a", b"1"), ("a", b"2")]), "x")


def test_an_encrypted_part_is_refused():
    content = bytearray(pack({"a": b"hello"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ModelFileError, match="encrypted"):
        unpack(bytes(content), "x")


def test_sizes_that_cannot_be_are_refused_without_the_memory():
    content = bytearray(pack({"a": b"hello"}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 20 : directory + 28] = struct.pack("<II", 2**31, 2**31)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="its parts claim to be larger than the whole"):
        unpack(bytes(content), "x")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"\x93NUMPY",
        pickle.dumps(Trap()),
        npy(plain(descr="'|O'"), pickle.dumps([Trap(), Trap()])),
        npy(plain(descr="'|O'", shape=(1,)), pickle.dumps(Trap())),
        npy(plain(descr="[('a', '|O')]"), pickle.dumps([Trap(), Trap()])),
        npy(plain(descr="'<i8'"), bytes(16)),
        npy(plain(descr="'>f4'"), bytes(8)),
        npy(plain(descr="'<f2'"), bytes(4)),
        npy(plain(descr="'<f4', 'x': 1"), bytes(8)),
        npy(plain(fortran=True), bytes(8)),
        npy(plain(fortran="None"), bytes(8)),
        npy(plain(), bytes(7)),
        npy(plain(), bytes(9)),
        npy(plain(shape=()), bytes(4)),
        npy(plain(shape=(0,))),
        npy(plain(shape=(0, 2**62))),
        npy(plain(shape=(-1, -2)), bytes(8)),
        npy(plain(shape=(2**62,)), bytes(8)),
        npy(plain(shape=(2**40, 2**40)), bytes(8)),
        npy(plain(shape=(10**400,)), bytes(8)),
        npy(plain(shape="(2.0,)"), bytes(8)),
        npy(plain(shape="'ab'"), bytes(8)),
        npy(plain(shape="(" * 150), bytes(8)),
        npy(plain(shape="-" * 9000 + "1"), bytes(8)),
        npy(plain(shape="__import__('pytest').fail('code ran')"), bytes(8)),
        npy(plain(), bytes(8), version=(2, 0)),
        npy(plain(), bytes(8), version=(9, 9)),
        npy(b"hello", bytes(8)),
        npy(plain(), np.array([1, np.nan], "<f4").tobytes()),
        npy(plain(), np.array([1, np.inf], "<f4").tobytes()),
    ],
)
@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header")
def test_other_arrays_are_refused_without_the_memory(part):
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=r"^the array a\.npy of x .*\.$"):
        unpack_arrays(pack({"a.npy": part}), "x")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_truncated_zip_is_refused_at_every_byte():
    content = pack(FILES)
    for length in range(len(content)):
        with pytest.raises(ModelFileError):
            unpack(content[:length], "x")


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_damaged_bytes_give_the_files_or_our_error(rng: random.Random):
    content = bytearray(pack_arrays({"a": np.ones((2, 3), np.float32), "b": np.zeros(2)}))
    for _ in range(rng.choice([1, 2, 5])):
        content[rng.randrange(len(content))] = rng.choice([0, 255, rng.randrange(256)])
    try:
        unpack_arrays(bytes(content), "x")
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header")
def test_damaged_headers_give_an_array_or_our_error(rng: random.Random):
    part = bytearray(npy(plain(shape=(2, 3)), bytes(24)))
    pieces = [b"(", b")", b"'", b"|O", b"{", b"}", b"-", b"99999999999", b"L", b",", b"e9", b"\n"]
    for _ in range(rng.choice([1, 2, 4])):
        place, piece = rng.randrange(len(part) - 40), rng.choice(pieces)
        part[place : place + len(piece)] = piece
    try:
        unpack_arrays(pack({"a.npy": bytes(part)}), "x")
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
