"""``trifuse tune``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from trifuse.batch.ending import goes_on
from trifuse.cli.labelled import LabelledArchive, archive_argument
from trifuse.cli.say import say, show, warn_of_networks
from trifuse.cli.shared_options import Bounded, inspection_options, recipe_option


@click.command("tune")
@archive_argument
@click.option("-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="The best recipe, the report, the search, and the cache.")  # fmt: skip
@recipe_option("Where the search begins")
@click.option("--objective", default="log_loss", show_default=True,
              type=click.Choice(("log_loss", "balanced_bma", "bma", "macro_auc")),
              help="The figure to search for.")  # fmt: skip
@click.option("--trials", type=click.IntRange(min=1), default=50, show_default=True,
              help="Recipes to try, those of earlier runs included.")  # fmt: skip
@click.option("--time", type=Bounded(min=0, min_open=True), metavar="MINUTES",
              help="Begin no trial after so long.")  # fmt: skip
@click.option("--keep-codebooks", is_flag=True,
              help="Search everything but the codebooks' sizes: much faster.")  # fmt: skip
@inspection_options
def command(archive: LabelledArchive, output: Path, recipe: str, **options: Any) -> int:
    """Search for the best recipe, and measure it on lesions that the search did not see.

    DATA is what `trifuse train` takes. Searched are the blocks and their weights, the sizes of
    the codebooks, the parameters of the classifiers, and the members of the ensemble, on four of
    five lesions; the fifth is held out. FOLDER gets best.toml, trials.csv, importance.png and
    .pdf where there are three trials a choice, report.html, and report.md, which is written to
    stdout too. A search that was interrupted goes on by the same command; one that is finished
    goes on with more --trials.

    \b
    trifuse tune HAM10000/ -o search --trials 100
    trifuse train HAM10000/ -o ham.trifuse --recipe search/best.toml
    """
    from trifuse.classifiers.member import require_members
    from trifuse.encoders.blocks import FeatureExtractor
    from trifuse.features.images import ImageError
    from trifuse.features.libraries import require_modules
    from trifuse.recipes.recipe import Recipe
    from trifuse.studies.block_cache import BlockCache
    from trifuse.studies.tuning.search import Budget
    from trifuse.studies.tuning.search_report import prepare_folder, write_search
    from trifuse.studies.tuning.tune import rehearse_search, tune

    require_modules("studies", "jinja2", "matplotlib", "optuna")
    require_members()  # the members are searched too
    base = Recipe.load(recipe)
    warn_of_networks(base.networks.per_fold)
    storage = prepare_folder(output, (recipe, *archive.sources))
    budget = Budget(options["trials"], options["time"])
    objective, keep_codebooks = options["objective"], options["keep_codebooks"]
    cache = BlockCache(output / "cache", archive.table, archive.jobs)
    with goes_on("the same command goes on after the last finished trial"):
        with suppress(ImageError):  # those that cannot be read are told next, and all at once
            rehearse_search(cache, base, storage, objective, keep_codebooks)
        checks = [FeatureExtractor(base, None).check_size]
        cache = cache.of(archive.inspect(checks))
        tuning = tune(cache, base, storage, objective, budget, keep_codebooks, say)
        write_search(output, tuning)
    show((output / "report.md").read_text("utf-8").removesuffix("\n"))
    return archive.tell_unread()
