"""Parquet: typed columns, for tables of millions of images."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from trifuse.batch.outputs.formats import Format, FormatError, reject_clash
from trifuse.batch.outputs.formats.jsonl_format import write_json
from trifuse.batch.outputs.rows import Cell, ImageRow, list_cells, list_columns
from trifuse.batch.text import to_unicode
from trifuse.classifiers.output import open_whole

ROW_GROUP = 10_000
"""Rows that are in memory at a time, and in each row group of the file."""


class MissingLibraryError(FormatError):
    """The library that writes a format is not installed."""


class ParquetFormat(Format):
    """The columns of the CSV with types, compressed by zstd, in row groups of 10,000 rows.

    Probabilities are float64 (null for an error), as is ``alert`` (null for none); ``review`` and
    ``prediction_set`` are lists of strings, all else is a string (labels null for an error). Names
    that are no UTF-8 are written as `trifuse.batch.text.to_unicode` says.

    A Parquet file cannot be continued once it was cut. So the partial file has a JSON list of the
    cells a line, and `finish` converts it, group by group. With one version of pyarrow, the same
    rows give the same bytes.
    """

    name = "parquet"
    suffixes = (".parquet",)
    mark = b"PAR1"
    converts = True

    def check(self) -> None:
        """Refuse where pyarrow is missing, and a carried column that has the name of another.

        Raises
        ------
        MissingLibraryError, FormatError
        """
        try:
            import pyarrow.parquet  # noqa: F401 - the first use is hours away
        except ImportError as error:
            msg = (
                "Parquet files are written by pyarrow, which cannot be imported; run "
                "pip install 'trifuse[parquet]', or choose another format."
            )
            raise MissingLibraryError(msg) from error
        columns = list_columns(self.layout)
        reject_clash(self.layout.extra, columns, "rename the column that is carried through")

    def encode(self, row: ImageRow) -> bytes:
        """Write one line of the partial file."""
        return write_json(list(map(_to_unicode, list_cells(row, self.layout))))

    def finish(self, partial: Path, final: Path) -> None:
        """Convert the partial file, in memory that does not grow with the number of rows."""
        import pyarrow as pa
        from pyarrow import parquet

        schema = self._make_schema()
        with (
            open_whole(final, f"{final.name}.converting") as target,
            parquet.ParquetWriter(target, schema, compression="zstd") as writer,
            partial.open("rb") as lines,
        ):
            while rows := [json.loads(line) for line in islice(lines, ROW_GROUP)]:
                columns = zip(schema, zip(*rows, strict=True), strict=True)
                arrays = [pa.array(cells, field.type) for field, cells in columns]
                table = pa.Table.from_arrays(arrays, schema=schema)
                writer.write_table(table, row_group_size=ROW_GROUP)

    def restore(self, whole: Path, partial: BinaryIO) -> None:
        """Write the cells again, a line a row."""
        from pyarrow import parquet

        with parquet.ParquetFile(whole) as file:
            for batch in file.iter_batches(ROW_GROUP):
                columns = (column.to_pylist() for column in batch.columns)
                partial.writelines(write_json(list(cells)) for cells in zip(*columns, strict=True))

    def _make_schema(self) -> Any:
        import pyarrow as pa

        columns = list_columns(self.layout)
        lists = columns.index("review")
        fields = []
        for place, name in enumerate(columns):
            kind = pa.string()
            if place in (lists, lists + 1):
                kind = pa.list_(pa.string())
            elif place < lists and (name == "alert" or name.startswith("probability_")):
                kind = pa.float64()
            fields.append(pa.field(to_unicode(name), kind))
        return pa.schema(fields)


def _to_unicode(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return to_unicode(cell)
    return tuple(map(to_unicode, cell)) if isinstance(cell, tuple) else cell


METHOD = ParquetFormat
