"""``trifuse tune``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from trifuse.batch.commands.options import jobs_option, merge_duplicates_option, recipe_option


@click.command("tune")
@click.argument("data", metavar="DATA", type=click.Path())
@click.option("-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="The best recipe, the report, the search, and the cache.")  # fmt: skip
@recipe_option("Where the search begins")
@click.option("--objective", default="log_loss", show_default=True,
              type=click.Choice(("log_loss", "balanced_bma", "bma", "macro_auc")),
              help="The figure to search for.")  # fmt: skip
@click.option("--trials", type=click.IntRange(min=1), default=50, show_default=True,
              help="Recipes to try, those of earlier runs included.")  # fmt: skip
@click.option("--time", type=click.FloatRange(min=0, min_open=True), metavar="MINUTES",
              help="Begin no trial after so long.")  # fmt: skip
@click.option("--keep-codebooks", is_flag=True,
              help="Search everything but the codebooks' sizes: much faster.")  # fmt: skip
@merge_duplicates_option()
@jobs_option()
def command(data: str, output: Path, recipe: str, jobs: int, **options: Any) -> None:
    """Search for the best recipe, and measure it on lesions that the search did not see.

    DATA is what `trifuse train` takes. Searched are the blocks and their weights, the sizes of
    the codebooks, the parameters of the classifiers, and the members of the ensemble, on four of
    five lesions; the fifth is held out. FOLDER gets best.toml, trials.csv, importance.png and
    .pdf, and report.md, which is written to stdout too. A search that was interrupted goes on by
    the same command; one that is finished goes on with more --trials.

    \b
    trifuse tune HAM10000/ -o search --trials 100
    trifuse train HAM10000/ -o ham.trifuse --recipe search/best.toml
    """
    from trifuse.batch.workers.process_mapper import ProcessMapper
    from trifuse.datasets.load import load_dataset
    from trifuse.recipes.recipe import Recipe
    from trifuse.studies.block_cache import BlockCache
    from trifuse.studies.duplicates.guard import guard_groups
    from trifuse.studies.tuning.report import prepare_folder, write_report
    from trifuse.studies.tuning.study import Budget
    from trifuse.studies.tuning.tune import tune

    base, table = Recipe.load(recipe), load_dataset(data)
    storage = prepare_folder(output)
    say, mapper = partial(click.echo, err=True), ProcessMapper(jobs)
    table = guard_groups(table, options["merge_duplicates"], mapper, say)
    cache = BlockCache(output / "cache", table, mapper)
    budget = Budget(options["trials"], options["time"])
    objective, keep_codebooks = options["objective"], options["keep_codebooks"]
    tuning = tune(cache, base, storage, objective, budget, keep_codebooks, say)
    write_report(output, tuning)
    click.echo((output / "report.md").read_text("utf-8"), nl=False)
