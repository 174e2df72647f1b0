"""The whole as one scikit-learn classifier: images and labels to calibrated probabilities."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from trifuse.classifiers.card import Training
from trifuse.classifiers.model import Model, check_class_names
from trifuse.classifiers.model_file import (
    load_model,
    pack_model,
    read_about,
    save_model,
    unpack_model,
)
from trifuse.datasets.table import LabelledTable
from trifuse.features.estimators import ImageLike, check_images
from trifuse.features.files import file_sha256
from trifuse.features.quality import find_flaws
from trifuse.recipes.recipe import Recipe
from trifuse.training.duplicates.guard import Inspection
from trifuse.training.encoding import Source, build_extractor, read_pixels, read_source
from trifuse.training.fit import fit_archive
from trifuse.training.parallel import map_images


class HybridClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Everything that `trifuse train` and `trifuse predict` do, as one scikit-learn classifier.

    The same images, labels, groups and recipe give the same probabilities, to the last bit.
    Images are a sequence of paths, of file contents, or of arrays, uint8 (rows, columns, 3) RGB or
    (rows, columns) grey, of any sizes; or one array of them all.

    What it leaves out is the first look of `trifuse train` at the archive: an image that cannot be
    read is an error, and nobody tells of duplicates in different groups (`trifuse duplicates`).

    Parameters
    ----------
    recipe : str, path or Recipe
        A preset, a TOML file, or a recipe.
    n_jobs : int, optional
        joblib's: processes that describe and encode images, where these are more than a few.
    random_state : int, RandomState or None
        Of every random choice, in the place of the recipe's.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted, in the order of the probabilities.
    model_ : trifuse.classifiers.model.Model
        What `trifuse predict` loads. ``model_.encoder.encode(image)`` gives an image's blocks.
    training_ : trifuse.classifiers.card.Training
        What the model's card tells: out-of-fold ``metrics`` with intervals, and ``doubts``.

    Notes
    -----
    Images of one lesion belong in one group, which no fold may separate: neither those of a
    cross-validation nor those within `fit`. scikit-learn hands the groups to `fit` too where its
    metadata are routed::

        sklearn.set_config(enable_metadata_routing=True)
        cross_val_score(
            HybridClassifier("fast"), paths, labels, cv=StratifiedGroupKFold(),
            params={"groups": lesions},
        )

    Examples
    --------
    >>> classifier = HybridClassifier("fast", n_jobs=4)
    >>> classifier.fit(paths, labels, groups=lesions).predict(others)  # doctest: +SKIP
    array(['nv', 'mel', 'nv'], dtype='<U5')
    """

    __metadata_request__fit = {"groups": True}  # noqa: RUF012 - scikit-learn's way to ask for them

    def __init__(
        self,
        recipe: str | os.PathLike[str] | Recipe = "default",
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.recipe = recipe
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Sequence[ImageLike], y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train on labelled images.

        Parameters
        ----------
        X : sequence of images, length n_images
        y : array-like, shape (n_images,)
            Labels: texts or whole numbers.
        groups : array-like, shape (n_images,), optional
            The lesion, or patient, of each image; each image by itself unless told.

        Raises
        ------
        ValueError
            If a parameter or an image does not fit, or a class has one group alone. The error is
            of the kind that `trifuse.training.train.run_training` raises.
        OSError
            If there is no such file.
        """
        check_images(X)
        check_classification_targets(y)
        self.classes_, labels = np.unique(column_or_1d(y), return_inverse=True)
        names = tuple(str(name) for name in self.classes_)
        check_class_names(names)
        images = [_as_source(image) for image in X]
        lesions = range(len(images)) if groups is None else column_or_1d(groups)
        table = LabelledTable(
            tuple(Path(str(row)) for row in range(len(images))),  # X may have an image twice
            tuple(names[label] for label in labels),
            tuple(map(str, lesions)),
            names,
        )
        flaws = map_images(_find_flaws, images, "looking at images", self._jobs())
        inspection = Inspection(table, tuple(map(_digest, images)), (), tuple(flaws))
        extractor = build_extractor(self._own_recipe(), images)
        fitted = fit_archive(inspection, extractor, jobs=self._jobs(), images=images)
        self.training_ = fitted.training
        # As it is read from its file: the last bits of a product depend on how arrays lie.
        self.model_ = unpack_model(pack_model(fitted.model, self.training_), "the model")
        return self

    def predict_proba(self, X: Sequence[ImageLike]) -> NDArray[np.float64]:
        """Give calibrated probabilities, (n_images, n_classes), under the training's class shares.

        Raises
        ------
        trifuse.features.images.ImageError
            If an image cannot be read, or is too small to describe.
        """
        check_is_fitted(self)
        check_images(X)
        images = [_as_source(image) for image in X]
        return np.stack(
            list(map_images(partial(_score, self.model_), images, "scoring", self._jobs()))
        )

    def predict(self, X: Sequence[ImageLike]) -> NDArray[Any]:
        """Give the most probable class of each image, (n_images,)."""
        found: NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return self.classes_[found]  # type: ignore[no-any-return]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, which `trifuse predict`, `explain` and the others take.

        Raises
        ------
        trifuse.classifiers.output.OutputError
            If it cannot be written.
        """
        check_is_fitted(self)
        save_model(Path(path), self.model_, self.training_)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file. Whatever it holds, no code of its maker's runs.

        Its classes are texts, whatever the labels were.

        Raises
        ------
        trifuse.classifiers.archive.ModelFileError
            If it is none, or is damaged.
        """
        model = load_model(Path(path))
        classifier = cls(model.recipe, random_state=model.recipe.random_state)
        classifier.classes_ = np.array(model.classes)
        classifier.model_ = model
        classifier.training_ = Training(**read_about(Path(path))["training"])
        return classifier

    def _own_recipe(self) -> Recipe:
        recipe = self.recipe if isinstance(self.recipe, Recipe) else Recipe.load(str(self.recipe))
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        return Recipe.from_dict({**recipe.to_dict(), "random_state": int(seed)})

    def _jobs(self) -> int:
        return int(effective_n_jobs(self.n_jobs))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags


def _as_source(image: ImageLike) -> Source:
    return Path(image) if isinstance(image, str | os.PathLike) else image


def _digest(image: Source) -> str:
    """SHA-256 of a file's content, or of pixels and their shape."""
    if isinstance(image, Path):
        return file_sha256(image)
    content = image if isinstance(image, bytes) else repr(image.shape).encode() + image.tobytes()
    return hashlib.sha256(content).hexdigest()


def _find_flaws(image: Source) -> tuple[str, ...]:
    return find_flaws(read_pixels(image))


def _score(model: Model, source: Source) -> NDArray[np.float64]:
    return model.predict(read_source(source, model.encoder.extractor))
