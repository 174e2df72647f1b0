"""Errors are tried again: of whole outputs, of interrupted runs, with other limits."""

import csv
import io
import json
import shutil
from pathlib import Path


def test_errors_are_tried_again(predict, pictures, scored, archived, files):
    missing = "many/later.jpg"
    stdin = f"{pictures[39]}\n{missing}\n{pictures[40]}\n".encode()
    inputs = ["many", "-"]
    predict(inputs=inputs, stdin=stdin)
    rows = list(csv.DictReader(io.StringIO(Path("o.csv").read_text())))
    bad = [row["image"] for row in rows if row["status"] == "error"]
    assert bad == ["many/a/bad.png", "many/c/cut.jpg", missing]
    scored.clear()
    before = files()
    assert predict("--retry-errors", inputs=inputs, stdin=stdin).code == 3
    assert (scored, files()) == (bad, before)  # they are as bad as they were
    shutil.copy(pictures[38], "other.jpg")
    stdin = stdin.replace(missing.encode(), b"other.jpg")
    archived.repair()
    result = predict("--retry-errors", inputs=inputs, stdin=stdin)
    assert "Kept the rows of 14 inputs, dropped those of 1.\n" in result.err
    predict(inputs=inputs, stdin=stdin, output="fresh.csv")
    assert files() == files("fresh.csv")


def test_errors_of_an_interrupted_run_are_tried_again(predict, scored, files, interrupt):
    interrupt(3)
    done = Path("o.csv.partial").read_bytes()
    assert b"bad.png,error" in done
    scored.clear()
    assert predict("--retry-errors").code == 3
    assert scored[0] == "many/a/bad.png"
    assert len(scored) == 24 - (done.count(b"\n") - 1) + 1
    predict(output="fresh.csv")
    assert files() == files("fresh.csv")


def test_errors_are_tried_again_with_other_limits(predict, poison):
    slow = poison("HANG", "many/slow.jpg")
    inputs = ["many/b", slow]
    assert predict("--timeout", "1", inputs=inputs).code == 3
    assert "other timeout" in predict("--timeout", "2", "--resume", inputs=inputs).err
    assert "other timeout" in predict("--timeout", "0.5", "--retry-errors", inputs=inputs).err
    Path(slow).write_bytes(Path("many/b/04.jpg").read_bytes())
    assert predict("--timeout", "30", "--retry-errors", inputs=inputs).code == 0
    assert json.loads(Path("o.csv.run.json").read_text())["options"]["timeout"] == 30
