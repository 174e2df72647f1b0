"""``trifuse report``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.batch.inputs.items import STDIN, InputOptions, SourceError
from trifuse.cli.say import say
from trifuse.cli.shared_options import are_distinct, jobs_option, model_option, path_column_option

if TYPE_CHECKING:
    from trifuse.batch.scored_inputs import ScoredInputs
    from trifuse.classifiers.model import Model
    from trifuse.studies.night import Night
    from trifuse.studies.report.night_page import Evidence
    from trifuse.studies.report.night_summary import Manifest

THUMBNAILS = 500
ROWS = 100_000
MOST = 200_000
"""Rows, and thumbnails: browsers draw no higher box."""


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
    audit : int
        Images that are drawn at random, and listed among the first.
    """

    predictions: Path
    output: Path
    inputs: InputOptions
    jobs: int
    id_key: str | None = None
    model: str | None = None
    thumbnails: int = THUMBNAILS
    evidence: int = 0
    rows: int = ROWS
    audit: int = 0


audit_option = click.option(
    "--audit",
    type=click.IntRange(0, MOST),
    default=0,
    show_default=True,
    help="Mix so many images, drawn at random, among the first of the page.",
)


@click.command("report")
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="The page, an HTML file.")  # fmt: skip
@path_column_option
@click.option("--id-key", metavar="FILE", help="Holds the key of --id hmac, to find images by.")
@click.option("--thumbnails", type=click.IntRange(0, MOST), default=THUMBNAILS, show_default=True,
              help="So many of the most doubtful images have one.")  # fmt: skip
@click.option("--no-thumbnails", is_flag=True, help="No image is opened.")
@click.option("--evidence", type=click.IntRange(0, MOST), default=0, show_default=True,
              help="So many of these have a map of evidence; needs --model.")  # fmt: skip
@model_option("The model that scored the images.", required=False)
@click.option("--rows", type=click.IntRange(1, MOST), default=ROWS, show_default=True,
              help="List so many images, the most doubtful.")  # fmt: skip
@audit_option
@jobs_option
@click.option("--overwrite", is_flag=True, help="Replace an existing page.")
def command(
    inputs: tuple[str, ...], path_column: str, no_thumbnails: bool, overwrite: bool, **options: Any
) -> None:
    """Show what a night's predictions are, on a page to look the doubtful ones through.

    PREDICTIONS is what `trifuse predict` wrote, in any of its formats, with its manifest beside it.
    The page is one file without network. It tells how the night went, beside what training
    promised, and lists the images, the doubtful ones first. What a person decides there, image by
    image, is kept in the browser, and saved as corrections.csv. With --audit that file lets
    `trifuse evaluate` tell how good the whole night is.

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
    if STDIN in inputs:
        raise click.UsageError("standard input cannot be read again; name files and folders.")
    if options["evidence"] and not options["model"]:
        raise click.UsageError("--evidence needs the model that scored the images; name it by -m.")
    if no_thumbnails:
        options |= {"thumbnails": 0, "evidence": 0}
    job = ReportOptions(inputs=chosen, **options)
    check_report(job, overwrite)
    write_report(job)


def check_report(options: ReportOptions, overwrite: bool, others: Iterable[str] = ()) -> None:
    """Find out before the work whether the page can be made and written; `others` are read too."""
    from trifuse.classifiers.output import check_output
    from trifuse.features.libraries import require_modules

    read = (options.predictions, options.model, options.id_key, *options.inputs.inputs, *others)
    if 2 * options.audit > options.rows:
        raise click.UsageError(
            f"--audit stands among twice as many images, and {options.rows:,} are listed; "
            "draw fewer."
        )
    if not are_distinct((options.predictions, options.output)):
        raise click.UsageError("the predictions and the page are two files; name two.")
    check_output(options.output, overwrite, [one for one in read if one and one != STDIN])
    require_modules("studies", "jinja2")


def write_report(options: ReportOptions) -> None:
    """Make the page of a night, and tell what it lacks."""
    from trifuse.batch.outputs.ids import read_key
    from trifuse.batch.outputs.reopen import read_manifest
    from trifuse.batch.scored_inputs import ScoredInputs
    from trifuse.batch.thumbnails import draw_thumbnails
    from trifuse.classifiers.output import open_output
    from trifuse.features.files import file_sha256
    from trifuse.studies.night import read_night
    from trifuse.studies.report.audit_draw import draw_audit, order_queue
    from trifuse.studies.report.night_page import render_night
    from trifuse.studies.report.night_summary import Manifest

    path = options.predictions
    manifest = Manifest(read_manifest(path))
    night = read_night(path, manifest.classes)
    key = None if options.id_key is None else read_key(Path(options.id_key))
    scored = ScoredInputs(night.images, path, manifest.entries, options.inputs, key)
    scored.check()
    source = (path.name, file_sha256(path))
    # The page made anew of the same file draws the same images.
    audit = draw_audit(night, options.audit, int(source[1], 16)) if options.audit else None
    model = _load_model(options, manifest, night) if options.evidence else None
    order = order_queue(night, audit, options.rows)
    doubtful = order[night.is_read[order]].tolist()[: options.thumbnails]
    pictures = draw_thumbnails(scored, doubtful, options.jobs) if doubtful else {}
    _tell_missing(len(doubtful) - len(pictures), len(doubtful), options)
    shown = [row for row in doubtful if row in pictures][: options.evidence]
    evidence = {} if model is None else _explain(scored, shown, night, model, options.jobs)
    page = render_night(night, manifest, source, pictures, evidence, order, audit)
    with open_output(options.output) as file:
        file.write(page.encode("utf-8", "replace"))


def _load_model(options: ReportOptions, manifest: Manifest, night: Night) -> Model:
    from trifuse.classifiers.model_file import load_model
    from trifuse.features.files import file_sha256
    from trifuse.studies.explanation.evidence import explained_members

    path = Path(options.model or "")
    model = load_model(path)
    explained_members(model.ensemble)
    is_other = manifest.digest and file_sha256(path) != manifest.digest
    if is_other or not set(night.classes) <= set(model.classes):
        raise click.UsageError(f"{path} is not the model that {options.predictions} was made by.")
    return model


def _tell_missing(n_missing: int, n_wanted: int, options: ReportOptions) -> None:
    if not n_missing:
        return
    advice = ""
    if n_missing == n_wanted and not options.inputs.inputs:
        advice = "; name behind the predictions what was scored"
    say(f"{n_missing:,} of {n_wanted:,} thumbnails could not be made: the images are not found, "
        f"or cannot be read{advice}.")  # fmt: skip


def _explain(
    scored: ScoredInputs, rows: Collection[int], night: Night, model: Model, jobs: int
) -> dict[int, Evidence]:
    """Give the maps of evidence of rows, whose images have shown that they can be read."""
    from trifuse.features.images import read_content
    from trifuse.studies.report.evidence_pictures import EvidencePainter
    from trifuse.training.parallel import map_images

    frames, places = [], []
    for item, found in scored.find(rows):
        content = item.load().content or read_content(item.name)
        for frame, own in found.items():
            frames.append((content, frame, night.classes[night.labels[own[0], 0]]))
            places.append(own)
    painted = map_images(EvidencePainter(model), frames, "explaining", jobs)
    return {
        row: evidence
        for own, evidence in zip(places, painted, strict=True)
        if evidence is not None
        for row in own
    }
