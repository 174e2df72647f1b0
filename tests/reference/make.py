"""Take a small part of VLFeat's output for the tests: python tests/reference/make.py FOLDER.

FOLDER holds what VLFeat 0.9.21 gave, `dsift.npz` (`vl_dsift_process`, window size 2) and
`encoders.npz` (`vl_fisher_encode`, `vl_vlad_encode`). Of the second the arrays that are compared
are kept whole. Of the first, the corner of the noise image, and of each geometry and window two
descriptors that see nothing beyond it: one at the image's border and one within.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SIDE = 48
GEOMETRIES = ((4, 4), (5, 3), (8, 6))
"""Steps and bin sizes."""


def take_encoders(arrays):
    """Keep what VLFeat was given and gave, but for the assignments, which the input tells."""
    return {name: array for name, array in arrays.items() if name != "assignments"}


def take_descriptors(arrays):
    """Keep a corner of an image, and of each case two descriptors that lie in it."""
    kept = {"image": arrays["image_noise"][:SIDE, :SIDE]}
    for step, size in GEOMETRIES:
        for window in ("flat", "gauss"):
            name = f"noise_step{step}_bin{size}_{window}"
            frames = arrays[f"frames_{name}"]
            reach = 2.5 * size + 1  # cells end 2.5 bins from the centre, and a gradient 1 pixel on
            within = np.flatnonzero((frames[:, :2] + reach < SIDE).all(axis=1))
            rows = within[[0, -1]]
            kept[f"frames_step{step}_bin{size}_{window}"] = frames[rows]
            kept[f"descr_step{step}_bin{size}_{window}"] = arrays[f"descr_{name}"][rows]
    return kept


def main(folder):
    """Write both files beside this script."""
    for name, take in (("dsift.npz", take_descriptors), ("encoders.npz", take_encoders)):
        with np.load(folder / name) as arrays:
            np.savez_compressed(HERE / name, **take(dict(arrays)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
