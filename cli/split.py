"""``trifuse split``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trifuse.cli.labelled import LabelledArchive, archive_argument, write_rows
from trifuse.cli.say import show
from trifuse.cli.shared_options import Bounded, inspection_options

if TYPE_CHECKING:
    from trifuse.datasets.splits import Split
    from trifuse.datasets.table import LabelledTable

PARTS = ("train", "held_out")
COLUMNS = ("path", "label", "group")


@click.command("split")
@archive_argument
@click.option("-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="For train.csv and held_out.csv.")  # fmt: skip
@click.option("--hold-out", type=Bounded(0, 1, min_open=True, max_open=True),
              metavar="SHARE", help="Of the lesions of each class.  [default: 0.2]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the drawing.  [default: 0]")
@click.option("--original", is_flag=True,
              help="Split as the original study did, only to compare with it.")  # fmt: skip
@inspection_options
@click.option("--overwrite", is_flag=True, help="Replace existing tables.")
def command(archive: LabelledArchive, output: Path, **options: Any) -> int:
    """Split a labelled archive into a part to train on and one to judge by.

    DATA is what `trifuse train` takes. FOLDER gets train.csv and held_out.csv, tables with the
    columns path, label and group, which `train`, `predict` and `evaluate` read. The images of one
    lesion are in one of them, and each class is in both. Paths are absolute where DATA is, else
    relative to FOLDER. Images of different lesions that show the same thing are told of, and so
    are images that cannot be read. The same archive and seed give the same split. With --original
    only lesions of one image are held out, 17 % of them, stratified by class: mostly nevi.

    \b
    trifuse split HAM10000/ --hold-out 0.2 --seed 1 -o split/
    trifuse train split/train.csv -o ham.trifuse
    trifuse predict split/held_out.csv -m ham.trifuse -o held_out.csv --probabilities
    trifuse evaluate held_out.csv split/held_out.csv
    """
    from trifuse.classifiers.output import check_output, make_folder, protect_inputs
    from trifuse.datasets.splits import grouped_holdout, original_holdout

    share, seed = options["hold_out"], options["seed"]
    if options["original"] and (share, seed) != (None, None):
        msg = "--original has its own share and seed: say it without --hold-out and --seed."
        raise click.UsageError(msg)
    sources = archive.sources
    paths = [make_folder(output) / f"{part}.csv" for part in PARTS]
    protect_inputs(paths, sources)
    for path in paths:
        check_output(path, options["overwrite"])
    kept = archive.inspect()
    if options["original"]:
        split = original_holdout(kept.labels, kept.groups)
    else:
        split = grouped_holdout(kept.labels, kept.groups, share or 0.2, seed or 0)
    for rows, path in zip(split, paths, strict=True):
        part = kept.subset(rows)
        names = [_name(image, path.parent) for image in part.paths]
        write_rows(path, COLUMNS, zip(names, part.labels, part.groups, strict=True))
    show(_count(kept, split))
    return archive.tell_unread()


def _name(path: Path, folder: Path) -> str:
    """Give a path as it is found from a table in a folder."""
    if path.is_absolute():
        return str(path)
    # From where a linked folder really is, for that is where ".." leads.
    name = os.path.relpath(path.absolute(), folder.resolve())
    return name if name.startswith(os.pardir) else os.path.join(os.curdir, name)  # noqa: PTH118


def _count(table: LabelledTable, split: Split) -> str:
    """Count images and groups of each part, by class."""
    from trifuse.classifiers.text_tables import plain_table

    parts = [table.subset(rows) for rows in split]
    rows = []
    for name in table.classes:
        cells = [name]
        for part in parts:
            pairs = zip(part.labels, part.groups, strict=True)
            groups = [group for label, group in pairs if label == name]
            cells += [f"{len(groups):,}", f"{len(set(groups)):,}"]
        rows.append(cells)
    sizes = [f"{size:,}" for part in parts for size in (len(part), len(set(part.groups)))]
    kinds = [f"{part}, {kind}" for part in ("train", "held out") for kind in ("images", "lesions")]
    return plain_table(["class", *kinds], [*rows, ["all", *sizes]])
