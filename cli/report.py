"""``trifuse report``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.inputs.items import InputOptions, Item, SourceError
from trifuse.cli.say import say
from trifuse.cli.shared_options import jobs_option, path_column_option

if TYPE_CHECKING:
    from trifuse.classifiers.model import Model
    from trifuse.studies.report.night import Night
    from trifuse.studies.report.night_page import Evidence
    from trifuse.studies.report.night_summary import Manifest

MANY = 500
"""Thumbnails, unless told."""
MOST = 200_000
"""Images on a page, and thumbnails."""


@dataclass(frozen=True)
class ReportOptions:
    """What a page is made of.

    Attributes
    ----------
    predictions : Path
    output : Path
    inputs : InputOptions
        The run's; none where rows are called by their paths.
    jobs : int
    id_key : str, optional
        The key file of `--id hmac`, where there are inputs.
    model : str, optional
        The model file, for evidence.
    thumbnails, evidence : int
        Of the most doubtful images.
    rows : int
        Images that are listed.
    """

    predictions: Path
    output: Path
    inputs: InputOptions
    jobs: int
    id_key: str | None = None
    model: str | None = None
    thumbnails: int = MANY
    evidence: int = 0
    rows: int = 100_000


@click.command("report")
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="The page, an HTML file.")  # fmt: skip
@path_column_option
@click.option("--id-key", metavar="FILE", help="Holds the key of --id hmac, to find images by.")
@click.option("--thumbnails", type=click.IntRange(0, MOST), default=MANY, show_default=True,
              help="So many of the most doubtful images have one.")  # fmt: skip
@click.option("--no-thumbnails", is_flag=True, help="No image is opened.")
@click.option("--evidence", type=click.IntRange(0, MOST), default=0, show_default=True,
              help="So many of these have a map of evidence; needs --model.")  # fmt: skip
@click.option("-m", "--model", metavar="FILE", help="The model that scored the images.")
@click.option("--rows", type=click.IntRange(1, MOST), default=100_000, show_default=True,
              help="List so many images, the most doubtful.")  # fmt: skip
@jobs_option
@click.option("--overwrite", is_flag=True, help="Replace an existing page.")
def command(
    inputs: tuple[str, ...], path_column: str, no_thumbnails: bool, overwrite: bool, **options: Any
) -> None:
    """Show what a night's predictions are, on a page to look the doubtful ones through.

    PREDICTIONS is what `trifuse predict` wrote, in any of its formats, with its manifest beside it.
    The page is one file without network. It tells how the night went, beside what training
    promised, and lists the images, the doubtful ones first. What a person decides there, image by
    image, is kept in the browser, and saved as corrections.csv.

    Images are found by the paths that rows are called by. Where these are called otherwise (by a
    table's id, an UID, --id name, sha256 or hmac), name what was scored: INPUT is what
    `trifuse predict` was given.

    \b
    trifuse report predictions.csv -o night.html
    trifuse report predictions.csv archive/ -o night.html --evidence 50 -m ham.trifuse
    """
    try:
        chosen = InputOptions(inputs, path_column)
        chosen.require_inputs()
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    if options["evidence"] and not options["model"]:
        raise click.UsageError("--evidence needs the model that scored the images; name it by -m.")
    if no_thumbnails:
        options |= {"thumbnails": 0, "evidence": 0}
    job = ReportOptions(inputs=chosen, **options)
    check_report(job, overwrite)
    write_report(job)


def check_report(options: ReportOptions, overwrite: bool) -> None:
    """Find out before the work whether the page can be made and written."""
    from trifuse.classifiers.output import check_output
    from trifuse.features.libraries import require_modules

    read = (options.predictions, options.model, options.id_key, *options.inputs.inputs)
    check_output(options.output, overwrite, list(filter(None, read)))
    require_modules("studies", "jinja2")


def write_report(options: ReportOptions) -> None:
    """Make the page of a night, and tell what it lacks."""
    from trifuse.batch.outputs.reopen import read_manifest
    from trifuse.classifiers.output import open_output
    from trifuse.features.files import file_sha256
    from trifuse.studies.report.night import read_night
    from trifuse.studies.report.night_page import render_night
    from trifuse.studies.report.night_summary import Manifest

    path = options.predictions
    manifest = Manifest(read_manifest(path))
    night = read_night(path, manifest.classes)
    model = _load_model(options, manifest) if options.evidence else None
    found = _Found(options, night, manifest)
    order = night.rank_doubts()[: options.rows]
    doubtful = order[night.is_read[order]].tolist()
    pictures = found.draw(doubtful[: options.thumbnails])
    evidence: Mapping[int, Evidence] = {}
    if model is not None:
        evidence = found.explain(
            [row for row in doubtful if row in pictures][: options.evidence], model
        )
    source = (path.name, file_sha256(path))
    page = render_night(night, manifest, source, pictures, evidence, options.rows)
    with open_output(options.output) as file:
        file.write(page.encode("utf-8", "replace"))


def _load_model(options: ReportOptions, manifest: Manifest) -> Model:
    from trifuse.classifiers.model_file import load_model
    from trifuse.features.files import file_sha256
    from trifuse.studies.explanation.evidence import explained_members

    path = Path(options.model or "")
    model = load_model(path)
    explained_members(model.ensemble)
    if manifest.digest and file_sha256(path) != manifest.digest:
        raise click.UsageError(f"{path} is not the model that {options.predictions} was made by.")
    return model


@dataclass(frozen=True)
class _Found:
    """The images of a night, and what is drawn of them."""

    options: ReportOptions
    night: Night
    manifest: Manifest

    def draw(self, rows: Collection[int]) -> dict[int, bytes]:
        """Give thumbnails of rows; one that cannot be made is left out, and they are counted."""
        from trifuse.batch.scored_inputs import ScoredInputs
        from trifuse.batch.thumbnails import draw_thumbnails

        if not rows:
            return {}
        pictures, found = {}, ScoredInputs()
        for item, records in draw_thumbnails(self._find(found, set(rows)), self.options.jobs):
            places = found.places[item.ordinal]
            for record in records:
                for row in places.get(record.frame, ()) if record.thumbnail else ():
                    pictures[row] = record.thumbnail
        if missing := len(rows) - len(pictures):
            advice = "; name what was scored behind the predictions" if not pictures else ""
            say(f"{missing:,} of {len(rows):,} images have no thumbnail: they were not found, or "
                f"cannot be read{advice}.")  # fmt: skip
        return pictures

    def explain(self, rows: Collection[int], model: Model) -> dict[int, Evidence]:
        """Give the maps of evidence of rows whose thumbnails could be made."""
        from trifuse.batch.scored_inputs import ScoredInputs
        from trifuse.features.images import read_content
        from trifuse.studies.report.evidence_pictures import EvidencePainter
        from trifuse.training.parallel import map_images

        if not rows:
            return {}
        found, told, own = ScoredInputs(), [], []
        for item in self._find(found, set(rows)):
            content = item.load().content or read_content(item.name)
            for frame, of_frame in found.places[item.ordinal].items():
                told.append((content, frame))
                own.append(of_frame)
        painted = map_images(EvidencePainter(model), told, "explaining", self.options.jobs)
        return {
            row: evidence
            for of_frame, evidence in zip(own, painted, strict=True)
            if evidence is not None
            for row in of_frame
        }

    def _find(self, found: Any, rows: Collection[int]) -> Iterator[Item]:
        from trifuse.batch.outputs.ids import read_key
        from trifuse.batch.scored_inputs import require_manifest

        options = self.options
        if not options.inputs.inputs:
            items: Iterator[Item] = found.by_path(self.night.images, rows)
            return items
        entries = self.manifest.entries
        require_manifest(options.predictions, entries)
        if self.manifest.hides_names and not options.id_key:
            msg = (
                "the rows are called by --id hmac: to find their images, give its key by --id-key."
            )
            raise click.UsageError(msg)
        key = None if options.id_key is None else read_key(Path(options.id_key))
        among: Iterator[Item] = found.among(options.inputs, options.predictions, entries, rows, key)
        return among
