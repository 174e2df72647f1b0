"""Receipts tell nothing without the key, and the inputs are listed once for them."""

import os
from pathlib import Path

from trifuse.batch.outputs.receipts import RECEIPT_BYTES
from trifuse.batch.outputs.run_file import Names


def test_the_inputs_are_walked_once(predict, archived, monkeypatch):
    folders = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: folders.append(str(path)) or real(path))
    predict(inputs=["many"])
    assert [folder for folder in folders if folder.startswith("many")] == [
        "many", "many/a", "many/b", "many/c",
    ]  # fmt: skip


def test_the_receipts_of_keyed_ids_need_the_key(predict, archived):
    receipts = []
    for number in (1, 2):
        Path("key").write_bytes(bytes([number]) * 32)
        predict("--id", "hmac", "--id-key", "key", output=f"{number}.csv")
        receipts.append(Names(Path(f"{number}.csv")).receipts.read_bytes())
    first, second = (
        {one[n : n + 16] for n in range(one.index(b"\n") + 1, len(one), RECEIPT_BYTES)}
        for one in receipts
    )
    assert len(first) == 24
    assert not first & second
