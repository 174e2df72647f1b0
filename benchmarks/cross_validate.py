"""Cross-validate a recipe on a labelled archive and write the table of docs/results.md.

python benchmarks/cross_validate.py HAM10000/ --recipe default --output results/default
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from trifuse.batch.workers.process_mapper import ProcessMapper
from trifuse.datasets.load import load_dataset
from trifuse.recipes.recipe import load_recipe
from trifuse.studies.cross_validation import cross_validate


def main() -> None:
    """Run the study; the table goes to OUTPUT.md and its figures, fold by fold, to OUTPUT.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    start = time.perf_counter()
    study = cross_validate(
        load_dataset(arguments.data),
        load_recipe(arguments.recipe),
        arguments.folds,
        ProcessMapper(arguments.jobs),
    )
    table = study.to_markdown()
    Path(f"{arguments.output}.md").write_text(table + "\n", encoding="utf-8")
    study.write_csv(Path(f"{arguments.output}.csv"))
    print(table)
    print(f"{(time.perf_counter() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
