"""What a table says of its images beside their labels: age, sex, site, camera."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trifuse.datasets.corrections import has_corrections
from trifuse.datasets.csv_table import NO_COLUMNS, Columns, read_cells, read_column_names
from trifuse.datasets.prediction_files import restore_cell
from trifuse.datasets.table import DatasetError, find_repeats, name_few

IMAGE_COLUMNS = ("image_id", "path", "image")
"""What tables call the column of the images, in the order in which they are looked for."""


def read_image_columns(path: Path, columns: Columns = NO_COLUMNS) -> dict[str, Mapping[str, str]]:
    """Read every column of a CSV file that has a row an image.

    Images are called as those call them that read labels from the same file.

    Parameters
    ----------
    path : Path
        With a column image_id, path or image, which names the images; of corrections it is image.
        Where `columns` calls columns otherwise, it is the path.
    columns : Columns

    Returns
    -------
    dict of str to mapping of str to str
        Column to image to cell.

    Raises
    ------
    DatasetError
        If no column names the images, an image is listed twice, but for corrections, or the file is
        no table.
    """
    header = read_column_names(path, columns)
    decided = columns == NO_COLUMNS and has_corrections(path)
    wanted: Sequence[str] = ["image"] if decided else IMAGE_COLUMNS
    if columns != NO_COLUMNS:
        wanted = [columns.path or "path"]
    name = next((name for name in wanted if name in header), None)
    if name is None:
        raise DatasetError(
            f"{path} has no column {' or '.join(wanted)} to name the images; "
            f"its columns are: {name_few(header, 10) or 'none'}"
        )
    rows = [row for _, row in read_cells(path, [name], columns, verbatim=decided)]
    if decided:
        restored = [{key: restore_cell(cell) for key, cell in row.items()} for row in rows]
        rows = list({row[name]: row for row in reversed(restored)}.values())  # each one's first
    images = [row[name] for row in rows]
    if repeats := find_repeats(images):
        raise DatasetError(
            f"{path} lists images more than once: {name_few(repeats)}; keep one row of each"
        )
    return {
        column: {image: row[column] for image, row in zip(images, rows, strict=True)}
        for column in header
    }
