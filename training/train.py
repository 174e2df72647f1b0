"""The training job: a labelled archive becomes a model file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trifuse.classifiers.card import render_metrics
from trifuse.classifiers.decision import find_positive
from trifuse.classifiers.member import require_members
from trifuse.classifiers.model import check_class_names
from trifuse.classifiers.model_file import save_model
from trifuse.classifiers.network_file import NetworkError, check_networks, load_network
from trifuse.classifiers.output import MARKS, OutputError, check_output, protect_inputs
from trifuse.classifiers.reasons import rank_classes
from trifuse.classifiers.review import HeldOut
from trifuse.datasets.corrected_archive import correct_archive
from trifuse.datasets.corrections import read_corrections
from trifuse.datasets.csv_table import NO_COLUMNS, Columns
from trifuse.datasets.load import list_sources, load_dataset
from trifuse.datasets.splits import fit_fold_count
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import FeatureExtractor
from trifuse.features.images import ImageError
from trifuse.features.stages import stage
from trifuse.recipes.recipe import Recipe
from trifuse.training.duplicates.guard import Inspection, inspect_archive
from trifuse.training.encoding import build_extractor, rehearse
from trifuse.training.fit import choose_metadata, fit_archive, name_strata
from trifuse.training.networks.crossfit import networks_fingerprint, rehearse_networks
from trifuse.training.networks.work_folder import check_work, work_folder, working_in


@dataclass(frozen=True)
class TrainingOptions:
    """What is trained on, by what, and where the model goes.

    Attributes
    ----------
    data : str
        What `trifuse.datasets.load.load_dataset` reads.
    output : str
        Path of the model file.
    recipe : str
        A preset or a TOML file.
    backbones : tuple of str
        Files of fine-tuned networks.
    merge_duplicates : bool
        Keep images that show the same thing together, whatever their groups.
    skip_unreadable : bool
        Go on without images that cannot be read.
    jobs : int
        Processes that take features from images.
    overwrite : bool
        Replace an existing model.
    keep_work : bool
        Keep the networks that the recipe trained, for a later training.
    columns : Columns
        What a table calls its columns.
    out_of_fold : str, optional
        Path of the table of what is said of the images out of fold.
    corrections : tuple of str
        Files of what a reader decided, which join the archive.
    metadata : tuple of str
        Columns of the archive's table that the ensemble may take beside the images.
    """

    data: str
    output: str
    recipe: str = "default"
    backbones: tuple[str, ...] = ()
    merge_duplicates: bool = False
    skip_unreadable: bool = False
    jobs: int = 1
    overwrite: bool = False
    keep_work: bool = False
    columns: Columns = NO_COLUMNS
    out_of_fold: str | None = None
    corrections: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()

    @property
    def outputs(self) -> list[Path]:
        """The files that are written."""
        return [Path(path) for path in (self.output, self.out_of_fold) if path is not None]


class Judged(NamedTuple):
    """What is said of one image of the archive by what has not seen its group.

    Attributes
    ----------
    path : Path
    probabilities : tuple of float, shape (n_classes,)
        Of the ensemble; none for an image that could not be read.
    prediction_set : tuple of int
        Classes, the most probable first.
    unfamiliar : bool
    reason : str
        Why the image could not be read.
    flaws : tuple of str
        What is wrong with the picture.
    """

    path: Path
    probabilities: tuple[float, ...] = ()
    prediction_set: tuple[int, ...] = ()
    unfamiliar: bool = False
    reason: str = ""
    flaws: tuple[str, ...] = ()


TABLE_MARK = b"image,status"
"""What the table out of fold begins with, as all predictions in CSV do."""
WriteJudged = Callable[[Path, tuple[str, ...], Sequence[Judged]], None]
"""Given a path, the classes, and the images in the order of the archive."""


class Trained(NamedTuple):
    """What a training came to.

    Attributes
    ----------
    metrics : str
        The out-of-fold metrics as a table.
    images, unread : int
        How many the archive has, and how many of these could not be read and are left out.
    """

    metrics: str
    images: int
    unread: int


def run_training(
    options: TrainingOptions,
    say: Callable[[str], None] = lambda _: None,
    write: WriteJudged = lambda *_: None,
) -> Trained:
    """Train on an archive and write the model file.

    Where the recipe has networks, their state is kept beside the model until that is whole: after
    a kill the same call goes on from there.

    Parameters
    ----------
    options : TrainingOptions
    say : callable
        Told what happens, line by line.
    write : callable
        Writes the table `out_of_fold`, before the model.

    Returns
    -------
    Trained

    Raises
    ------
    OutputError, DatasetError, RecipeError, BackboneError, ImageError, ClassNamesError,
    CodebookError, ModelFileError, NetworkError, FinetuningError, ProcessError
        Each with the sentence that says what to do.
    """
    check_destinations(options)
    recipe = Recipe.load(options.recipe)
    require_members(recipe.ensemble.members)
    if tunes := recipe.networks.per_fold > 0:
        check_own_networks(options)
    networks = [load_network(Path(file)) for file in options.backbones]
    table = load_archive(options, say)
    check_class_names(table.classes)
    find_positive(recipe, table.classes)
    name_strata(table, recipe)
    for column in choose_metadata(table, options.metadata):
        say(column.describe())
    protect_inputs(options.outputs, list_sources(options.data, table, options.columns))
    check_networks(networks, table.classes)
    if tunes:
        rehearse_networks(table.classes, recipe)
    extractor = rehearse_training(table, recipe)
    inspection = inspect_archive(
        table,
        merge=options.merge_duplicates,
        skip=options.skip_unreadable,
        checks=[extractor.check_size],
        jobs=options.jobs,
        say=say,
    )
    inspection = inspection._replace(metadata=options.metadata)
    if inspection.unread or extractor.embedder is None:  # the network is of what is trained on
        extractor = build_extractor(recipe, inspection.table.paths)
    with _keeping_networks(inspection, recipe, options) if tunes else nullcontext() as work:
        fitted = fit_archive(inspection, extractor, networks, options.jobs, say, work=work)
        if options.out_of_fold is not None:
            judged = list_judged(table, inspection, fitted.held_out)
            write(Path(options.out_of_fold), table.classes, judged)
        save_model(Path(options.output), fitted.model, fitted.training)
    unread, training = len(inspection.unread), fitted.training
    return Trained(render_metrics(training.metrics), training.images + unread, unread)


def check_destinations(options: TrainingOptions) -> None:
    """Check that the outputs are different files, and may be written.

    Raises
    ------
    OutputError
    """
    named = (options.data, options.recipe, *options.backbones, *options.corrections)
    if len({path.resolve() for path in options.outputs}) < len(options.outputs):
        msg = f"{options.output} cannot be the table of what is said out of fold; name another."
        raise OutputError(msg)
    for path, mark in zip(options.outputs, (MARKS[".trifuse"], TABLE_MARK), strict=False):
        check_output(path, options.overwrite, named, mark)


def load_archive(options: TrainingOptions, say: Callable[[str], None]) -> LabelledTable:
    """Read the archive, with what was decided since.

    Raises
    ------
    DatasetError
    """
    table = load_dataset(options.data, options.columns, say)
    if not options.corrections:
        return table
    paths = [Path(path) for path in options.corrections]
    corrected = correct_archive(table, read_corrections(paths))
    say(corrected.tell())
    return corrected.table


def list_judged(table: LabelledTable, inspection: Inspection, held_out: HeldOut) -> list[Judged]:
    """List what is said of the images of a table, without those that a network has seen."""
    judged = {image.path: Judged(image.path, reason=image.reason) for image in inspection.unread}
    for place, row in enumerate(held_out.rows):
        path, probabilities = inspection.table.paths[row], held_out.probabilities[place].tolist()
        members = [c for c in rank_classes(probabilities) if held_out.sets[place, c]]
        unfamiliar = bool(held_out.unfamiliar[place])
        flaws = inspection.flaws[row] if inspection.flaws else ()
        judged[path] = Judged(path, tuple(probabilities), tuple(members), unfamiliar, flaws=flaws)
    return [judged[path] for path in table.paths if path in judged]


def check_own_networks(options: TrainingOptions) -> None:
    """Check that a recipe with networks can have them, beside nobody else's, in a folder of theirs.

    Raises
    ------
    NetworkError, OutputError
    """
    if options.backbones:
        msg = (
            "the recipe fine-tunes networks of its own ([networks] per_fold), and --backbone names "
            "others; leave one of both out"
        )
        raise NetworkError(msg)
    check_work(work_folder(Path(options.output)))


def _keeping_networks(
    inspection: Inspection, recipe: Recipe, options: TrainingOptions
) -> AbstractContextManager[Path]:
    """Give the folder of the recipe's networks, where these stay if the training is stopped."""
    folder = work_folder(Path(options.output))
    fingerprint = networks_fingerprint(inspection, recipe)
    return working_in(folder, fingerprint, options.overwrite, options.keep_work)


def rehearse_training(table: LabelledTable, recipe: Recipe) -> FeatureExtractor:
    """Build the recipe's extractor; raise in the first minute what would else come after many.

    It has no network where none of the images that this is calibrated on can be read.

    Raises
    ------
    DatasetError, BackboneError, CodebookError
    """
    fit_fold_count(table.labels, table.groups, recipe.ensemble.folds)
    extractor = FeatureExtractor(recipe, None)
    # Those that cannot be read are told later, and all at once.
    with stage("trying the recipe on a few images"), suppress(ImageError):
        extractor = build_extractor(recipe, table.paths)
        rehearse(table.paths, extractor)
    return extractor
