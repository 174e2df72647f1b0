"""``trifuse compare``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from trifuse.batch.ending import goes_on
from trifuse.cli.labelled import LabelledArchive, archive_argument
from trifuse.cli.say import say, show, warn_of_networks
from trifuse.cli.shared_options import inspection_options, recipe_option


@click.command("compare")
@archive_argument
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
@inspection_options
@click.option("--overwrite", is_flag=True, help="Replace an existing comparison.")
def command(
    archive: LabelledArchive, output: Path, recipe: str, overwrite: bool, **options: Any
) -> int:
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
    from trifuse.classifiers.member import require_members
    from trifuse.classifiers.output import make_folder
    from trifuse.encoders.blocks import FeatureExtractor
    from trifuse.features.images import ImageError
    from trifuse.features.libraries import require_modules
    from trifuse.recipes.recipe import Recipe
    from trifuse.studies.block_cache import BlockCache
    from trifuse.studies.comparison.comparison_report import check_comparison, write_comparison
    from trifuse.studies.comparison.methods import default_methods, read_methods, require_methods
    from trifuse.studies.comparison.run import (
        compare,
        measure_leakage,
        measure_learning,
        rehearse_methods,
    )

    require_modules("studies", "jinja2", "matplotlib")
    base = Recipe.load(recipe)
    warn_of_networks(base.networks.per_fold)
    file = options["methods"]
    methods = default_methods(base) if file is None else read_methods(file, base)
    require_members({name for method in methods.values() for name in method.ensemble.members})
    baseline = options["baseline"] or next(iter(methods))
    require_methods((baseline, *options["learning_curve"], *options["leakage"]), methods)
    named = [recipe, *filter(None, [options["methods"]]), *archive.sources]
    check_comparison(make_folder(output), overwrite, named)

    folds = options["folds"]
    cache = BlockCache(output / "cache", archive.table, archive.jobs)
    with goes_on("the same command goes on with what is finished"):
        with suppress(ImageError):  # those that cannot be read are told next, and all at once
            rehearse_methods(cache, methods, base, folds, options["repeats"])
        checks = [FeatureExtractor(one, None).check_size for one in methods.values()]
        cache = cache.of(archive.inspect(checks))
        scores = compare(cache, methods, base, folds, options["repeats"], say)
        curves = {
            name: measure_learning(cache, name, methods[name], base, folds, say)
            for name in options["learning_curve"]
        }
        leakage = {
            name: measure_leakage(cache, name, methods[name], base, folds, say)
            for name in options["leakage"]
        }
        write_comparison(output, scores, curves, leakage, baseline)
    show((output / "comparison.md").read_text("utf-8").removesuffix("\n"))
    return archive.tell_unread()
