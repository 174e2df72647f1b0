"""``trifuse evaluate``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.cli.say import say, show
from trifuse.cli.shared_options import are_distinct, columns_options, json_option, parse_names

if TYPE_CHECKING:
    from trifuse.datasets.csv_table import Columns
    from trifuse.studies.evaluation.decided import DecidedEvaluation
    from trifuse.studies.evaluation.evaluate import Evaluation
    from trifuse.studies.evaluation.group_figures import GroupFigures
    from trifuse.studies.evaluation.matched import MatchedImages
    from trifuse.studies.result_files import Result


def _parse_bands(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    texts: tuple[str, ...],
) -> dict[str, list[float]]:
    bands = {}
    for text in texts:
        column, _, numbers = text.partition("=")
        try:
            starts = [float(number) for number in numbers.split(",")]
        except ValueError:
            starts = []
        if not starts or starts != sorted(set(starts)) or not all(map(math.isfinite, starts)):
            raise click.BadParameter(
                f"{text!r} does not say where bands begin, the lowest first, as age=0,40,60 does."
            )
        if column in bands:
            raise click.BadParameter(f"{column!r} has bands already.")
        bands[column] = starts
    return bands


@click.command("evaluate")
@click.argument("predictions", type=click.Path())
@click.argument("truth", type=click.Path())
@columns_options
@click.option("--by", metavar="COLUMNS", callback=parse_names,
              help="Measure in groups too, as age,sex,age*sex.")  # fmt: skip
@click.option("--bands", multiple=True, metavar="COLUMN=NUMBERS", callback=_parse_bands,
              help="Where the groups of a column of numbers begin, as age=0,40,60; may be "
              "repeated.")  # fmt: skip
@click.option("--groups-from", metavar="FILE.csv", type=click.Path(path_type=Path),
              help="A table of images with more columns for --by.")  # fmt: skip
@click.option("--positive", metavar="CLASSES", callback=parse_names,
              help="Measure what it takes to find them, as mel,bcc,akiec.")  # fmt: skip
@click.option("-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path),
              help="For the tables of --by and --positive, and of the reasons for a review: "
              "CSV, Markdown, LaTeX.")  # fmt: skip
@click.option("--figures", metavar="FOLDER", type=click.Path(path_type=Path),
              help="For the figures: PNG, PDF, SVG.")  # fmt: skip
@click.option("--page", metavar="FILE", type=click.Path(path_type=Path),
              help="Write all of it as a page, an HTML file.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@json_option
def command(predictions: str, truth: str, columns: Columns, as_json: bool, **options: Any) -> None:
    """Measure predictions against the truth.

    PREDICTIONS is what `trifuse predict` wrote, in any of its formats. TRUTH is HAM10000's
    metadata, the ISIC challenge's one-hot CSV (image,MEL,NV,BCC,AKIEC,BKL,DF,VASC), a CSV with the
    columns path and label, or what a reader decided: the corrections.csv of `trifuse report`. All
    metrics need the probabilities of all classes: run `trifuse predict --probabilities`. Every
    metric has its 95 % interval, by bootstrap over lesions. Images that the model was trained on
    are measured apart. Of each reason for a review it says how many times as often as all images
    those that it flags are wrong.

    With --by it measures in groups too: by columns of TRUTH, of the table of inputs that `predict`
    carried through, or of --groups-from; and says where they differ from the rest. With --positive
    it says how many images must be looked at to find these classes, and `positive` (yes or no) is
    a column for --by. --figures and --page show how often probabilities are right, the confusion,
    ROC and precision-recall curves of each class or of --positive, and the groups of --by.

    \b
    trifuse evaluate predictions.csv HAM10000_metadata.csv
    trifuse evaluate predictions.csv corrections.csv
    trifuse evaluate predictions.csv HAM10000_metadata.csv --by age,sex,age*dx --bands age=0,40,60
    trifuse evaluate predictions.csv HAM10000_metadata.csv --positive mel,bcc,akiec
    trifuse evaluate predictions.csv HAM10000_metadata.csv --page evaluation.html --figures figures
    """
    from trifuse.batch.outputs.reopen import read_manifest
    from trifuse.studies.result_files import tables_to_markdown

    asked = _check_options(options)
    _check_outputs(asked, options, (predictions, truth, options["groups_from"]))
    evaluation = _evaluate(predictions, truth, columns)
    groups = _measure_groups(evaluation.images, Path(truth), columns, options)
    results = list(_list_results(evaluation.images, groups, options["positive"]))
    warning, manifest = evaluation.warning, read_manifest(Path(predictions))
    if not evaluation.marks_training and (known := manifest.get("training_images")):
        told = (
            f"the model was trained on {known} of the images in {predictions}, whose format does "
            "not say on which: the figures are too good; predict with another --format"
        )
        warning = f"{warning}; {told}" if warning else told
    _write(results, evaluation, groups, options, (predictions, truth), warning)
    found = {**evaluation.to_dict(), "warning": warning}
    if as_json:
        found |= {result.name: result.plain for result in results}
        show(json.dumps(found, allow_nan=False))
    else:
        show(evaluation.to_text())
        for result in results:
            show(f"\n{tables_to_markdown(result.tables)}".removesuffix("\n"))
    if warning:
        say(f"warning: {warning}.")


def _check_options(options: dict[str, Any]) -> list[str]:
    """Refuse options that would do nothing; name the results that are asked for."""
    for name in ("bands", "groups_from"):
        if options[name] and not options["by"]:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --by, which names columns.")
    names = {"groups": options["by"], "positives": options["positive"]}
    asked = [name for name, given in names.items() if given]
    columns = {name for pair in options["by"] for name in pair.split("*")}
    if idle := [name for name in options["bands"] if name not in columns]:
        raise click.UsageError(f"--bands names {idle[0]!r}, which --by does not.")
    return ["review", *asked]


def _check_outputs(
    asked: list[str], options: dict[str, Any], inputs: tuple[str | Path | None, ...]
) -> None:
    """Find out before the work whether all can be written."""
    from trifuse.classifiers.output import check_output
    from trifuse.features.libraries import require_modules
    from trifuse.studies.evaluation.evaluation_page import TEXTS
    from trifuse.studies.figures import FIGURE_FORMATS
    from trifuse.studies.result_files import TABLE_FORMATS, check_result_files, list_files

    folder, figures, page = options["output"], options["figures"], options["page"]
    read = [one for one in inputs if one]
    files = [] if folder is None else list_files(folder, asked, TABLE_FORMATS)
    files += [] if figures is None else list_files(figures, TEXTS, FIGURE_FORMATS)
    check_result_files(files, options["overwrite"], read)
    if page is not None:
        if not are_distinct([*files, page]):
            raise click.UsageError("the page has the name of another output; name another.")
        check_output(page, options["overwrite"], read)
    if page is not None or figures is not None:
        require_modules("studies", "jinja2", "matplotlib")


def _measure_groups(
    images: MatchedImages, truth: Path, columns: Columns, options: dict[str, Any]
) -> list[GroupFigures]:
    from trifuse.studies.evaluation.group_figures import measure_groups
    from trifuse.studies.evaluation.groups import divide_images, find_cells
    from trifuse.studies.evaluation.positives import tell_positive

    if not (by := options["by"]):
        return []
    cells = find_cells(images, truth, columns, options["groups_from"])
    if options["positive"]:
        if "positive" in cells and any("positive" in pair.split("*") for pair in by):
            raise click.UsageError("there is a column positive; rename it to use --positive.")
        told = tell_positive(images, options["positive"])
        cells["positive"] = ["yes" if one else "no" for one in told]
    return measure_groups(images, divide_images(by, cells, options["bands"]))


def _list_results(
    images: MatchedImages, groups: list[GroupFigures], positive: Sequence[str]
) -> Iterator[Result]:
    from trifuse.studies.evaluation.group_tables import groups_result
    from trifuse.studies.evaluation.positive_tables import positives_result
    from trifuse.studies.evaluation.positives import measure_positives
    from trifuse.studies.evaluation.review_figures import measure_review, review_result

    if reasons := measure_review(images):
        yield review_result(reasons)
    if groups:
        yield groups_result(groups)
    if positive:
        yield positives_result(measure_positives(images, positive))


def _write(
    results: list[Result],
    evaluation: Evaluation | DecidedEvaluation,
    groups: list[GroupFigures],
    options: dict[str, Any],
    names: tuple[str, str],
    warning: str | None,
) -> None:
    """Write the files that were asked for, the page last."""
    from trifuse.classifiers.output import make_folder, open_output
    from trifuse.studies.evaluation.evaluation_page import portray, render_evaluation
    from trifuse.studies.result_files import write_figure_files, write_result_files

    if options["output"] is not None:
        if not results:
            say(f"no image has a reason for a review: nothing is written to {options['output']}.")
        for result in results:
            write_result_files(make_folder(options["output"]), result)
    folder, page = options["figures"], options["page"]
    if folder is None and page is None:
        return
    portrait = portray(evaluation, options["positive"], groups)
    figures = portrait.draw()
    if folder is not None:
        write_figure_files(make_folder(folder), figures)
    if page is not None:
        predictions, truth = (Path(name).name or name for name in names)
        content = render_evaluation(portrait, figures, (predictions, truth), results, warning)
        with open_output(page) as file:
            file.write(content)


def _evaluate(predictions: str, truth: str, columns: Columns) -> Evaluation | DecidedEvaluation:
    from trifuse.datasets.corrections import has_corrections, read_corrections
    from trifuse.datasets.csv_table import NO_COLUMNS
    from trifuse.datasets.truth import read_truth
    from trifuse.studies.evaluation.decided import evaluate_decided
    from trifuse.studies.evaluation.evaluate import evaluate_predictions

    if columns == NO_COLUMNS and has_corrections(Path(truth)):
        return evaluate_decided(predictions, read_corrections([Path(truth)]))
    return evaluate_predictions(predictions, *read_truth(truth, columns))
