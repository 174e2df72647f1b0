"""Blocks of an archive's images, kept on disk: what several methods need is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trifuse.classifiers.output import open_output
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import BlockEncoder, Blocks, FeatureExtractor, uses_cnn
from trifuse.encoders.sampling import sample_descriptors
from trifuse.features.files import file_sha256
from trifuse.features.images import read_image
from trifuse.features.litert import CnnEmbedder
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks
from trifuse.studies.block_choices import block_choices, digest, network_choices, with_blocks
from trifuse.training.encoding import Sample, build_embedder, fit_codebooks, plan_sample
from trifuse.training.parallel import map_images

FORMAT = 2
"""To be raised where the same recipe gives other blocks than before."""

Draw = tuple[int, int, int]
"""Of one image for one part: the part's number, the image's place in it, and how many."""


class BlockCache:
    """Blocks of an archive's images, kept on disk by content and recipe.

    A block has the images' content, the rows that its codebook is fitted on, and the choices of
    the recipe that it depends on in its file's name, so whatever has the same name is the same.
    A file has its name when it is whole; one that is damaged is made again.

    Parameters
    ----------
    folder : Path
        Made where there is none. Two runs must not write to it at the same time.
    table : LabelledTable
        The labels and groups are not used.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.
    """

    def __init__(self, folder: Path, table: LabelledTable, jobs: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.table, self.jobs = folder, table, jobs
        self._embedders: dict[str, CnnEmbedder | None] = {}

    @cached_property
    def content(self) -> str:
        """SHA-256 of the images' content, in order."""
        return digest([file_sha256(path) for path in self.table.paths])

    def of(self, table: LabelledTable) -> BlockCache:
        """Give the cache of another table in the same folder, such as one of other groups."""
        other = copy(self)
        other.table = table
        if table.paths != self.table.paths:
            other.__dict__.pop("content", None)
            other._embedders = {}
        return other

    def encode(self, recipe: Recipe, parts: Sequence[NDArray[np.intp]]) -> list[Blocks]:
        """Give the blocks of every image, with codebooks and PCA fitted on parts of the images.

        What is not on disk is computed in one pass over the images for all parts.

        Parameters
        ----------
        recipe : Recipe
        parts : sequence of ndarray of int
            The rows of each part. Codebooks are those that training on these images alone fits.

        Returns
        -------
        list of dict of str to ndarray of float32, shape (n_images, dim)
            For each part the blocks of all rows of the table, mapped from disk and read-only.

        Raises
        ------
        trifuse.classifiers.output.OutputError, trifuse.features.images.ImageError,
        trifuse.features.backbones.BackboneError, trifuse.encoders.codebook.CodebookError
        """
        wanted = [self._paths(recipe, part) for part in parts]
        missing = self._missing(wanted)
        if missing:
            self._fill(recipe, [parts[number] for number in missing], list(missing.values()))
        return [{block: _map_array(path) for block, path in paths.items()} for paths in wanted]

    def holds(self, recipe: Recipe, parts: Sequence[NDArray[np.intp]]) -> bool:
        """Tell whether `encode` would have nothing to compute."""
        return not self._missing([self._paths(recipe, part) for part in parts])

    def embedder(self, recipe: Recipe) -> CnnEmbedder | None:
        """Give the recipe's network, exported once; None where no block uses it."""
        key = digest(network_choices(recipe)) if uses_cnn(recipe) else ""
        if key not in self._embedders:
            self._embedders[key] = build_embedder(recipe, self.table.paths)
        return self._embedders[key]

    def _paths(self, recipe: Recipe, part: NDArray[np.intp]) -> dict[str, Path]:
        """Give each block's file."""
        rows, paths = part.tolist(), {}
        for block in recipe.block_weights:
            fitted_on = None if blocks()[block].encoding is None else rows
            key = digest(FORMAT, self.content, fitted_on, block_choices(recipe, block))
            paths[block] = self.folder / f"{block}-{key}.npy"
        return paths

    def _missing(self, wanted: Sequence[Mapping[str, Path]]) -> dict[int, dict[str, Path]]:
        """Give by part the files that are to be made, each once."""
        missing: dict[int, dict[str, Path]] = {}
        seen = set()
        for number, paths in enumerate(wanted):
            for block, path in paths.items():
                if path not in seen and not self._is_whole(path):
                    missing.setdefault(number, {})[block] = path
                seen.add(path)
        return missing

    def _is_whole(self, path: Path) -> bool:
        try:
            array = _map_array(path)
        except (OSError, ValueError):
            return False
        return array.dtype == np.float32 and array.ndim == 2 and len(array) == len(self.table)

    def _fill(
        self,
        recipe: Recipe,
        parts: Sequence[NDArray[np.intp]],
        wanted: Sequence[Mapping[str, Path]],
    ) -> None:
        """Compute files; `wanted` gives for each part those of its blocks."""
        all_blocks = with_blocks(recipe, [block for paths in wanted for block in paths])
        encoded = [name for name in all_blocks.block_weights if blocks()[name].encoding is not None]
        samples = self._draw_samples(with_blocks(recipe, encoded), parts)
        encoders = [
            fit_codebooks(FeatureExtractor(with_blocks(recipe, paths), None), sample, self.jobs)
            for paths, sample in zip(wanted, samples, strict=True)
        ]
        extractor = FeatureExtractor(all_blocks, self.embedder(all_blocks))
        encode = partial(_encode, extractor, encoders)
        described = map_images(encode, self.table.paths, "encoding images", self.jobs)
        with ExitStack() as stack:
            files = [
                {block: stack.enter_context(open_output(path)) for block, path in paths.items()}
                for paths in wanted
            ]
            for row, by_part in enumerate(described):
                for own, found in zip(files, by_part, strict=True):
                    for block, file in own.items():
                        _write_row(file, found[block], row, len(self.table))

    def _draw_samples(
        self, recipe: Recipe, parts: Sequence[NDArray[np.intp]]
    ) -> list[list[Sample]]:
        """Draw for each part what `draw_samples` draws from its images, each described once."""
        if not recipe.block_weights:
            return [[] for _ in parts]
        draws: dict[int, list[Draw]] = {}
        for number, part in enumerate(parts):
            places, each = plan_sample(len(part), recipe.sample)
            for place in places:
                draws.setdefault(int(part[place]), []).append((number, place, each))
        extractor = FeatureExtractor(recipe, self.embedder(recipe))
        items = [(self.table.paths[row], draws[row]) for row in sorted(draws)]
        drawn = map_images(partial(_draw, extractor), items, "sampling descriptors", self.jobs)
        samples: list[list[Sample]] = [[] for _ in parts]
        for (_, of_image), found in zip(items, drawn, strict=True):
            for (number, _, _), sample in zip(of_image, found, strict=True):
                samples[number].append(sample)
        return samples


def _draw(extractor: FeatureExtractor, item: tuple[Path, Sequence[Draw]]) -> list[Sample]:
    """Make all draws of one image."""
    path, draws = item
    image, seed = read_image(path), extractor.recipe.random_state
    extractor.check_size(image.shape, path)
    streams = extractor.extract(image).streams
    return [
        {name: sample_descriptors(found, n, (seed, place)) for name, found in streams.items()}
        for _, place, n in draws
    ]


def _encode(
    extractor: FeatureExtractor, encoders: Sequence[BlockEncoder], path: Path
) -> list[Blocks]:
    """Describe one image, and encode it with the codebooks of every part."""
    features = extractor.extract(read_image(path))
    return [encoder.encode_features(features) for encoder in encoders]


def _write_row(file: BinaryIO, vector: NDArray[np.float32], row: int, n_rows: int) -> None:
    if row == 0:
        shape = (n_rows, len(vector))
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    file.write(vector.astype("<f4", copy=False).tobytes())


def _map_array(path: Path) -> NDArray[np.float32]:
    array: NDArray[np.float32] = npy.open_memmap(path, mode="r")
    return array
