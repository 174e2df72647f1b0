"""``trifuse agreement``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trifuse.cli.labelled import write_rows
from trifuse.cli.say import say, show
from trifuse.cli.shared_options import are_distinct, json_option

FORMATS = (".csv", ".md")


@click.command("agreement")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path),
              help="The images on which they differ, as .csv or .md.")  # fmt: skip
@click.option("--page", metavar="FILE", type=click.Path(path_type=Path),
              help="Write all of it as a page, an HTML file.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@json_option
def command(
    first: Path,
    second: Path,
    output: Path | None,
    page: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare what two readers decided of the same images.

    FIRST and SECOND are files of corrections, as the page of `trifuse report` saves them. Cohen's
    kappa is the agreement beyond that by chance; its 95 % interval is a bootstrap over images, or
    over lesions where FIRST has a column group. Images that either is unsure of are in no figure;
    where one alone is, they differ.

    \b
    trifuse agreement first.csv second.csv -o differences.csv --page agreement.html
    """
    from trifuse.classifiers.output import check_output, open_output
    from trifuse.classifiers.text_tables import markdown_table
    from trifuse.datasets.corrections import read_corrections
    from trifuse.features.libraries import require_modules
    from trifuse.studies.evaluation.agreement import COLUMNS, compare_readers
    from trifuse.studies.evaluation.agreement_page import render_agreement

    if output is not None and output.suffix not in FORMATS:
        raise click.UsageError(f"{output} is neither {' nor '.join(FORMATS)}; name one.")
    outputs = list(filter(None, (output, page)))
    if not are_distinct(outputs):
        raise click.UsageError("the differences and the page take a file each; name two.")
    for path in outputs:
        check_output(path, overwrite, (first, second))
    if page is not None:
        require_modules("studies", "jinja2", "matplotlib")
    agreement = compare_readers(read_corrections([first]), read_corrections([second]))
    if output is not None and output.suffix == ".md":
        with open_output(output) as file:
            text = markdown_table(COLUMNS, agreement.differences)
            file.write(f"{text}\n".encode("utf-8", "replace"))
    elif output is not None:
        write_rows(output, COLUMNS, agreement.differences)
    if page is not None:
        content = render_agreement(agreement, (first.name, second.name))
        with open_output(page) as file:
            file.write(content)
    show(json.dumps(agreement.to_dict()) if as_json else agreement.to_text())
    say(f"They differ on {len(agreement.differences):,} images.")
