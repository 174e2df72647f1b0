"""Parameters and multiply-adds of the backbone table, counted in the Keras networks."""

import math
import os

import pytest

from trifuse.features.backbones import BACKBONES, backbone
from trifuse.features.keras_backbones import build_backbone

FAST = {"efficientnet-lite0", "mobilenet-0.75"}


def count_macs(model):
    """Count a multiply-add for each weight of a kernel at each place of a convolution's output."""
    macs = 0
    for layer in model.layers:
        kernels = [weight for weight in layer.weights if weight.name.endswith("kernel")]
        assert len(kernels) == {"Separable": 2}.get(type(layer).__name__[:9], bool(kernels))
        places = math.prod(layer.output.shape[1:3])
        macs += sum(places * math.prod(kernel.shape) for kernel in kernels)
    return macs


@pytest.mark.filterwarnings("ignore:backbone .* has random weights:UserWarning")
@pytest.mark.parametrize("name", BACKBONES)
def test_the_costs_are_those_of_the_network(name):
    if name not in FAST and "TRIFUSE_SLOW_TESTS" not in os.environ:
        pytest.skip("set TRIFUSE_SLOW_TESTS to build all networks at their input size")
    row, model = backbone(name), build_backbone(name, "random")
    assert model.input_shape == (None, *row.input_size, 3)
    assert (model.count_params(), count_macs(model)) == (row.parameters, row.macs)


# Of whole networks, with heads of 1 to 2 million: A. Howard et al. 2017, tables 8 and 6; K. He et
# al. 2016, table 1; B. Zoph et al. 2018, table 2.
PUBLISHED = {
    "mobilenet-1.0": 569e6,
    "mobilenet-0.75": 325e6,
    "resnet50": 3.8e9,
    "nasnet-mobile": 564e6,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_papers_count_as_much(name):
    assert backbone(name).macs == pytest.approx(PUBLISHED[name], rel=0.02)
