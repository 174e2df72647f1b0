"""Parts of a job know the whole of its inputs, and when it has changed."""

import json
from pathlib import Path

from trifuse.batch.outputs.receipts import RECEIPT_BYTES
from trifuse.batch.outputs.run_file import Names


def test_an_interrupted_part_whose_other_parts_changed(predict, scored, archived, files, interrupt):
    interrupt(2, "--part", "1/2", output="1.csv")
    archived.come_to_part(2)
    before = Path("1.csv.partial").read_bytes()
    told = predict("--part", "1/2", "--resume", output="1.csv")
    assert told.code == 1
    assert told.err.splitlines()[-1] == (
        "Error: Input 1 stands at another place among the inputs of all parts than when the "
        "interrupted run scored it; go on by --update, which keeps its row, or begin anew by "
        "--overwrite."
    )
    assert Path("1.csv.partial").read_bytes() == before
    scored.clear()
    assert predict("--part", "1/2", "--update", output="1.csv").code in {0, 3}
    n_scored = len(scored)
    predict("--part", "1/2", output="fresh.csv")
    assert files("1.csv") == files("fresh.csv")
    assert n_scored == len(scored) - n_scored - 4


def test_a_whole_part_whose_other_parts_changed(predict, scored, archived, files):
    predict("--part", "1/2", output="1.csv")
    before = files("1.csv")
    archived.come_to_part(2)
    scored.clear()
    told = predict("--part", "1/2", "--resume", output="1.csv")
    assert told.code == 1
    assert told.err.splitlines()[-1] == (
        "Error: The inputs of 1.csv are not those it was made of: those of other parts came, went "
        "or changed places; bring it up to date by --update, or begin anew by --overwrite."
    )
    assert files("1.csv") == before
    assert predict("--part", "1/2", "--update", output="1.csv").code in {0, 3}
    assert scored == []
    predict("--part", "1/2", output="fresh.csv")
    assert files("1.csv") == files("fresh.csv")
    assert "is whole already" in predict("--part", "1/2", "--resume", output="1.csv").err


def test_a_part_knows_the_whole(predict, archived):
    manifests = []
    for part in ("1/3", "2/3", "3/3"):
        predict("--part", part, output=f"{part[0]}.csv")
        manifests.append(json.loads(Path(f"{part[0]}.csv.run.json").read_text()))
        receipts = Names(Path(f"{part[0]}.csv")).receipts.read_bytes()
        assert len(receipts.partition(b"\n")[2]) == RECEIPT_BYTES * manifests[-1]["inputs"]
    assert [manifest["part"] for manifest in manifests] == [[1, 3], [2, 3], [3, 3]]
    assert {manifest["listed"] for manifest in manifests} == {24}
    assert len({manifest["listed_sha256"] for manifest in manifests}) == 1
    assert sum(manifest["inputs"] for manifest in manifests) == 24
    assert predict("--part", "2/3", "--resume", output="2.csv").code in {0, 3}
