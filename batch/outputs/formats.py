"""The formats by name."""

from __future__ import annotations

from trifuse.batch.outputs.csv_format import CsvFormat
from trifuse.batch.outputs.format import Format
from trifuse.batch.outputs.isic_format import IsicFormat
from trifuse.batch.outputs.jsonl_format import JsonlFormat
from trifuse.batch.outputs.parquet_format import ParquetFormat

FORMATS: dict[str, type[Format]] = {
    "csv": CsvFormat,
    "jsonl": JsonlFormat,
    "isic": IsicFormat,
    "parquet": ParquetFormat,
}
"""What `--format` may say; each is called with a layout, the kind of id and its key."""
