"""A whole output is believed only after a look, and brought up to date without scoring it anew."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHANGES = {
    "come": "2 came, 0 went, 0 changed",
    "go": "0 came, 2 went, 0 changed",
    "change": "0 came, 0 went, 1 changed",
    "repair": "0 came, 0 went, 1 changed",
    "edit_the_table": "1 came, 2 went, 0 changed",
    "pack_anew": "1 came, 2 went, 0 changed",
}


@pytest.mark.parametrize("alter", CHANGES)
def test_inputs_that_changed_are_told_and_brought_up_to_date(
    predict, scored, alter, archived, files
):
    assert predict().code == 3
    whole = files()
    assert predict("--resume").err.startswith("o.csv is whole already.\n")
    getattr(archived, alter)()
    scored.clear()
    told = predict("--resume")
    assert told.code == 1
    assert told.err.splitlines()[-1] == (
        f"Error: The inputs of o.csv are not those it was made of: {CHANGES[alter]}; bring it up "
        "to date by --update, or begin anew by --overwrite."
    )
    assert (files(), scored) == (whole, [])
    updated = predict("--update")
    few = list(scored)
    fresh = predict(output="fresh.csv")
    assert (updated.code, fresh.code) == (fresh.code, updated.code)
    assert files() == files("fresh.csv")
    came, changed = (int(CHANGES[alter].split(", ")[n].split()[0]) for n in (0, 2))
    assert len(few) == came + changed
    assert predict("--resume").code == updated.code
    assert sorted(path.name for path in Path().glob("o.csv*")) == [
        "o.csv", "o.csv.run.inputs", "o.csv.run.json",
    ]  # fmt: skip


@pytest.mark.parametrize("output", ["o.jsonl", "o.parquet"])
def test_every_format_is_brought_up_to_date(predict, scored, output, archived, files):
    options = ("--probabilities",)
    predict(*options, output=output)
    for alter in (archived.come, archived.change, archived.edit_the_table):
        alter()
    scored.clear()
    assert predict(*options, "--update", output=output).code == 3
    assert len(scored) == 4
    predict(*options, output=f"fresh{Path(output).suffix}")
    assert files(output) == files(f"fresh{Path(output).suffix}")


def test_a_list_on_stdin(predict, pictures, scored, files):
    def names(*places):
        return "".join(f"{pictures[place]}\n" for place in places).encode()

    predict(inputs=["-"], stdin=names(*range(12), 3))
    assert predict("--resume", inputs=["-"], stdin=names(*range(12), 3)).code == 0
    other = names(20, 3, *range(3), 3, *range(7, 12), 21, 1)
    told = predict("--resume", inputs=["-"], stdin=other)
    assert "3 came, 3 went, 0 changed, and they stand in another order; bring it" in told.err
    scored.clear()
    assert predict("--update", inputs=["-"], stdin=other).code == 0
    assert scored == [pictures[20], pictures[21], pictures[1]]
    predict(inputs=["-"], stdin=other, output="fresh.csv")
    assert files() == files("fresh.csv")


def test_contents_are_compared_on_demand(predict, scored, files):
    predict()
    times = Path("many/b/04.jpg").stat()
    content = Path("many/b/04.jpg").read_bytes()
    for path in Path("many").rglob("*.*"):
        os.utime(path)
    assert "14 changed" in predict("--resume").err
    assert predict("--resume", "--verify").err.startswith("o.csv is whole already.\n")
    Path("many/b/04.jpg").write_bytes(content[:-1] + b"?")
    os.utime("many/b/04.jpg", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "0 came, 0 went, 1 changed;" in predict("--resume", "--verify").err
    scored.clear()
    assert predict("--update", "--verify").code == 3
    assert scored == ["many/b/04.jpg"]
    predict(output="fresh.csv")
    assert files() == files("fresh.csv")


def test_nothing_to_bring_up_to_date(predict, scored, files):
    predict()
    before = Path("o.csv").stat(), files()
    scored.clear()
    result = predict("--update")
    assert result.err.startswith("o.csv is whole already.\n")
    assert (Path("o.csv").stat(), files(), scored) == (*before, [])
    assert not list(Path().glob("*.partial"))
    assert not list(Path().glob("*.journal"))


@pytest.mark.parametrize("option", ["--resume", "--update", "--retry-errors"])
def test_rows_of_what_holds_nothing_any_more_are_not_dropped_unasked(
    predict, scored, option, archived, files
):
    predict()
    before = files()
    archived.empty()
    Path("table.csv").write_text("path,id,site\n")
    archived.pack_anew()
    for _ in range(2):  # what the first has scored waits for the second
        scored.clear()
        refused = predict(option)
        assert refused.code == 1
        assert refused.err.splitlines()[-1] == (
            "Error: Nothing is found in many, table.csv, and inputs of o.csv are gone (20); mount "
            "what is not mounted, or say --allow-empty if that is right."
        )
        assert files() == before
    assert scored == []
    told = predict(option, "--allow-empty")
    if option == "--resume":
        assert "1 came, 20 went, 0 changed; bring it up to date by --update" in told.err
        told = predict("--update", "--allow-empty")
    assert told.code == 0
    predict(output="fresh.csv")
    assert files() == files("fresh.csv")
    assert predict("--resume").code == 0  # it was as empty before


def test_an_archive_that_is_gone_whole_is_not_brought_up_to_date(predict, archived, files):
    predict(inputs=["many"])
    before = files()
    archived.empty()
    result = predict("--update", inputs=["many"])
    assert result.code != 0
    assert files() == before
    assert not list(Path().glob("*.partial"))


@pytest.mark.parametrize("size", [0, 200, -1])
def test_an_output_that_was_damaged(predict, size):
    predict()
    content = Path("o.csv").read_bytes()
    Path("o.csv").write_bytes(content[:size] if size >= 0 else content.replace(b"a", b"b", 1))
    for option in ("--resume", "--update", "--retry-errors"):
        result = predict(option)
        assert result.code == 1
        assert result.err.splitlines()[-1] == (
            "Error: o.csv is damaged, or was edited, since its run ended; begin anew by "
            "--overwrite."
        )
    assert predict("--overwrite").code == 3
    assert Path("o.csv").read_bytes() == content
