"""What holds for every kind of local descriptors that is registered."""

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest

from trifuse.features.descriptors import PatchDescriptor
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import descriptors

PAGE = Path(__file__).resolve().parents[3] / "docs" / "encodings.md"
PATCHES = [one for one in descriptors().values() if issubclass(one, PatchDescriptor)]


@pytest.mark.parametrize("name", descriptors())
def test_its_options_are_keys_of_its_section(name):
    section = Recipe().to_dict()[name]
    assert {item.name for item in fields(descriptors()[name])} <= section.keys()
    default = descriptors()[name](**descriptors()[name].chosen)
    assert Recipe().streams[name].descriptor == default
    assert section == section | asdict(default)


@pytest.mark.parametrize("name", descriptors())
def test_the_page_has_its_row(name):
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if f"| `[{name}]` |" in line]
    assert len(rows) == 1


@pytest.mark.parametrize("descriptor", PATCHES)
def test_there_are_as_many_descriptors_as_patches(descriptor, picture):
    extractor, image = descriptor(), picture(60, 47)
    values, positions = extractor.extract(image)
    assert len(values) == len(positions) == sum(map(len, extractor.grids(image.shape[:2]))) > 0
    assert values.dtype == positions.dtype == np.float32
    assert np.all(np.abs(positions) <= 0.5)
    (band,) = extractor.bands(image)
    np.testing.assert_array_equal(band.values, values)
