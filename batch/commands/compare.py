"""``trifuse compare``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from trifuse.batch.commands.options import jobs_option, merge_duplicates_option, recipe_option


@click.command("compare")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="The tables, the figure, the page, and the cache.")  # fmt: skip
@recipe_option("Methods differ from it")
@click.option("--methods", metavar="FILE.toml", type=click.Path(path_type=Path),
              help="A table each, with what differs from the recipe.  [default: the ensemble, each "
              "member, each block alone]")  # fmt: skip
@click.option("--baseline", metavar="METHOD",
              help="The others are compared with it.  [default: the first method]")  # fmt: skip
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True,
              help="Of like class shares; a lesion is in one.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True,
              help="Times that all folds are drawn anew.")  # fmt: skip
@click.option("--learning-curve", multiple=True, metavar="METHOD",
              help="Fit it on fewer lesions too; may be repeated.")  # fmt: skip
@click.option("--leakage", multiple=True, metavar="METHOD",
              help="Show it with folds by image too; may be repeated.")  # fmt: skip
@merge_duplicates_option()
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace an existing comparison.")
def command(
    data: str, output: Path, recipe: str, jobs: int, overwrite: bool, **options: Any
) -> None:
    """Compare methods on a labelled archive by cross-validation that keeps lesions together.

    DATA is what `trifuse train` takes. A method is a recipe: its blocks, encoders, backbone,
    fusion and classifiers. FOLDER gets comparison.csv, .md and .tex, a figure, and report.html;
    the table is written to stdout too. What is finished is kept in FOLDER/cache: a run that was
    killed goes on by the same command, and methods that are added later compute what is new.

    \b
    trifuse compare HAM10000/ -o comparison
    trifuse compare HAM10000/ -o comparison --methods mine.toml --baseline "CNN alone" \\
        --learning-curve "fused, ensemble" --leakage "fused, ensemble"
    """
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.classifiers.output import make_folder
    from trifuse.datasets.load import load_dataset
    from trifuse.recipes.recipe import Recipe
    from trifuse.studies.block_cache import BlockCache
    from trifuse.studies.comparison.leakage import measure_leakage
    from trifuse.studies.comparison.learning import measure_learning
    from trifuse.studies.comparison.methods import choose_methods, require_methods
    from trifuse.studies.comparison.report import check_report, write_report
    from trifuse.studies.comparison.run import compare
    from trifuse.studies.duplicates.guard import guard_groups
    from trifuse.studies.extra import require_modules

    require_modules("studies", "jinja2", "matplotlib")
    base = Recipe.load(recipe)
    methods = choose_methods(options["methods"], base)
    baseline = options["baseline"] or next(iter(methods))
    require_methods((baseline, *options["learning_curve"], *options["leakage"]), methods)
    table = load_dataset(data)
    check_report(make_folder(output), overwrite)

    say, folds, mapper = partial(click.echo, err=True), options["folds"], ProcessMapper(jobs)
    table = guard_groups(table, options["merge_duplicates"], mapper, say)
    cache = BlockCache(output / "cache", table, mapper)
    scores = compare(cache, methods, base, folds, options["repeats"], say)
    curves = {
        name: measure_learning(cache, name, methods[name], base, folds, say)
        for name in options["learning_curve"]
    }
    leakage = {
        name: measure_leakage(cache, name, methods[name], base, folds, say)
        for name in options["leakage"]
    }
    write_report(output, scores, curves, leakage, baseline)
    click.echo((output / "comparison.md").read_text("utf-8"), nl=False)
