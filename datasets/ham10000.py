"""HAM10000: a metadata CSV and dermatoscopic images, several of some lesions.

Tschandl, Rosendahl & Kittler, "The HAM10000 dataset, a large collection of multi-source
dermatoscopic images of common pigmented skin lesions", Scientific Data 5:180161 (2018).
"""

from pathlib import Path

from trifuse.datasets.class_folders import list_images
from trifuse.datasets.csv_table import (
    LabelledRow,
    gather_columns,
    read_cells,
    reject_lines,
    reject_repeats,
)
from trifuse.datasets.table import (
    DatasetError,
    LabelledTable,
    count,
    find_repeats,
    name_few,
    reject_mixed_groups,
)
from trifuse.datasets.walk import FolderWalk

HAM10000_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
"""Actinic keratosis, basal cell carcinoma, benign keratosis, dermatofibroma, melanoma, nevus,
vascular lesion."""


def read_ham10000(metadata: Path) -> LabelledTable:
    """Read HAM10000, or a part of it, as distributed.

    Parameters
    ----------
    metadata : Path
        The metadata table with at least the columns lesion_id, image_id and dx. The images,
        ``<image_id>.jpg``, lie beside it or in any folder below: ``HAM10000_images_part_1`` and
        ``HAM10000_images_part_2`` need no merging.

    Returns
    -------
    LabelledTable
        In the order of the CSV; the label is dx, the group is lesion_id.

    Raises
    ------
    DatasetError
        If a column is missing, a label is none of the seven, an image is listed or stored twice,
        a row has no image, an image has no row, or a lesion has two labels.
    """
    entries = read_ham10000_metadata(metadata)
    walk = FolderWalk(
        str(metadata.parent), follow_links=True, takes=lambda path: path.lower().endswith(".jpg")
    )
    paths = sorted(list_images(walk))
    images = {path.stem: path for path in paths}
    if repeated := find_repeats(path.stem for path in paths):
        places = [str(path) for path in paths if path.stem == repeated[0]]
        raise DatasetError(
            f"{count(repeated, 'image')} stored more than once below {metadata.parent}: "
            f"{name_few(repeated)}; keep one copy of {' and '.join(places)}"
        )
    if lost := [entry.name for entry in entries if entry.name not in images]:
        raise DatasetError(
            f"{metadata} has {count(lost, 'row')} without an image below {metadata.parent}: "
            f"{name_few(lost)}; add the .jpg files or remove the rows"
        )
    if unlisted := sorted(set(images) - {entry.name for entry in entries}):
        raise DatasetError(
            f"{metadata.parent} has {count(unlisted, 'image')} without a row in {metadata.name}: "
            f"{name_few(unlisted)}; add the rows or move the images elsewhere"
        )
    return LabelledTable(
        paths=tuple(images[entry.name] for entry in entries),
        labels=tuple(entry.label for entry in entries),
        groups=tuple(entry.group for entry in entries),
        columns=gather_columns(entries),
    )


def read_ham10000_metadata(path: Path) -> list[LabelledRow]:
    """Read the metadata CSV alone: name is image_id, label is dx, group is lesion_id.

    Raises
    ------
    DatasetError
        As `read_ham10000`, but for the images, which need not be there.
    """
    entries = [
        LabelledRow(line, row["image_id"], row["dx"], row["lesion_id"], row)
        for line, row in read_cells(path, ["lesion_id", "image_id", "dx"])
    ]
    reject_lines(path, [e.line for e in entries if not e.name], "image_id is empty")
    reject_lines(path, [e.line for e in entries if not e.group], "lesion_id is empty")
    unknown = [entry for entry in entries if entry.label not in HAM10000_CLASSES]
    labels = ", ".join(sorted({repr(entry.label) for entry in unknown}))
    reject_lines(
        path,
        [entry.line for entry in unknown],
        f"dx is {labels} and not one of {', '.join(HAM10000_CLASSES)}",
    )
    reject_repeats(path, entries)
    reject_mixed_groups([e.label for e in entries], [e.group for e in entries])
    return entries
