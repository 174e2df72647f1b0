"""`trifuse project`: a figure, a page and a table of an archive, or a sentence before the work."""

import csv
import shutil
import sys

import pytest

from trifuse.studies.projection import vectors


@pytest.fixture
def project(trifuse, archive, model_file, tmp_path):
    """Run the command on the archive; files are named within a folder of the test's own."""

    def run(*options, data=archive, output="map.png", perplexity=10):
        fixed = ("project", data, "-m", model_file, "-o", tmp_path / output, "-j", 1)
        return trifuse(*map(str, (*fixed, "--perplexity", perplexity, *options)))

    return run


@pytest.fixture
def no_work(monkeypatch):
    monkeypatch.setattr(vectors, "describe_images", lambda *_: pytest.fail("the work began"))


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_figure_a_page_and_a_table(project, archive, tmp_path):
    options = ("--page", tmp_path / "map.html", "--csv", tmp_path / "map.csv")
    result = project(*options)
    assert (result.code, result.err) == (
        0,
        "encoding images: 56 images\nprojecting: 56 images\n"
        "warning: the model was trained on 56 of the 56 images, and knows them by heart: what it "
        "says of them tells nothing of new ones.\n",
    )
    assert result.out.startswith(b"t-SNE of fused, perplexity 10, seed 0: 56 images of ")
    assert b"groups; the model was trained on 56 of the images. Trustworthiness" in result.out
    assert b"not trained on" not in result.out
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "<title>t-SNE of fused</title>" in (tmp_path / "map.html").read_text()
    rows = read_table(tmp_path / "map.csv")
    assert len(rows) == 56
    assert list(rows[0]) == ["image", "group", "label", "predicted", "trained_on", "x", "y"]
    assert rows[0]["image"] == str(archive / "images" / "synthetic_a_0000.jpg")
    assert rows[0]["group"] == "synthetic_a_lesion_0000"
    assert len({(float(row["x"]), float(row["y"])) for row in rows}) == 56

    files = sorted(tmp_path.iterdir())
    before = [file.read_bytes() for file in files]
    assert project(*options, "--overwrite").code == 0
    assert [file.read_bytes() for file in files] == before
    assert sorted(tmp_path.iterdir()) == files


def test_training_images_are_told_from_the_others(project, archive, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(archive, copy)
    pictures = sorted((copy / "images").iterdir())
    for picture in pictures[::4]:
        picture.write_bytes(picture.read_bytes() + b"\0")
    result = project("--csv", tmp_path / "map.csv", data=copy)
    assert result.code == 0
    rows = read_table(tmp_path / "map.csv")
    anew = {str(picture) for picture in pictures[::4]}
    assert {row["image"] for row in rows if row["trained_on"] == "0"} == anew
    assert {row["image"] for row in rows if row["trained_on"] == "1"} == {
        str(picture) for picture in pictures
    } - anew
    text = result.out.decode()
    assert "groups; the model was trained on 42 of the images. Trustworthiness" in text
    assert "; of the 42 that the model was trained on: " in text
    assert "; of the 14 that the model was not trained on: " in text
    assert "trained on 42 of the 56 images, and knows them by heart" in result.err


def test_scores(project, tmp_path):
    result = project("--of", "scores", "--seed", 1, output="map.pdf")
    assert result.out.startswith(b"t-SNE of scores, perplexity 10, seed 1: 56 images")
    assert [file.name for file in tmp_path.iterdir()] == ["map.pdf"]


def test_unreadable_images_are_counted(project, archive, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(archive, copy)
    broken = copy / "images" / "synthetic_b_0000.jpg"
    broken.write_bytes(broken.read_bytes()[:900])
    result = project("--csv", tmp_path / "map.csv", data=copy)
    assert result.code == 3
    assert result.err.endswith("1 of 56 images could not be read and are left out.\n")
    images = [row["image"] for row in read_table(tmp_path / "map.csv")]
    assert len(images) == 55
    assert str(broken) not in images


def test_text_that_is_a_formula_is_escaped(project, archive, tmp_path):
    """And a class that the model does not know is told, and is always wrong."""
    with (archive / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group"])
        for row in rows:
            label = "=1+1" if row["label"] == "synthetic_a" else row["label"]
            writer.writerow([archive / row["path"], label, f"@{row['group']}"])
    result = project("--csv", tmp_path / "map.csv", data=table)
    assert result.code == 0
    assert "The model does not know =1+1: all such images count as wrong.\n" in result.err
    first = read_table(tmp_path / "map.csv")[0]
    assert (first["label"], first["group"]) == ("'=1+1", "'@synthetic_a_lesion_0000")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--of", "cnn"), "the model has no 'cnn' to project; it has: sift_fisher, color_fisher, "
                          "fused, scores"),
        (("--method", "umap"), 'this needs umap, which is not installed; run: pip install '
                               '"trifuse[umap]"'),
        (("--perplexity", 19), "a perplexity of 19 takes 58 images at least, and there are 56; "
                               "a perplexity of 18 would do"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_before_the_work(
    project, tmp_path, monkeypatch, options, sentence
):
    monkeypatch.setitem(sys.modules, "umap", None)
    result = project(*options)
    assert (result.code, result.err) == (1, f"Error: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_work")
def test_without_the_extra_nothing_begins(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    result = project()
    assert (result.code, result.err) == (
        1, 'Error: this needs bokeh, which is not installed; run: pip install "trifuse[studies]"\n'
    )  # fmt: skip


@pytest.mark.usefixtures("no_work")
def test_files_are_not_replaced_unasked(project, tmp_path):
    page = tmp_path / "map.html"
    page.write_text("old")
    result = project("--page", page)
    assert result.code == 1
    assert result.err == (
        f"Error: {page} exists already; name another output, or say --overwrite to replace it.\n"
    )
    assert page.read_text() == "old"


@pytest.mark.usefixtures("no_work")
def test_wrong_usage(project, tmp_path):
    result = project(output="map.gif")
    assert result.code == 2
    assert result.err.endswith(
        f"a figure ends in .png, .pdf, .svg; {tmp_path / 'map.gif'} does not.\n"
    )
    result = project("--page", tmp_path / "map.png")
    assert result.code == 2
    assert result.err.endswith(
        "the figure, the page and the points take a file each; two have the same name.\n"
    )
    assert project(perplexity=4).code == 2


def test_a_page_holds_names_and_no_folders(project, archive, tmp_path):
    assert project("--page", tmp_path / "map.html").code == 0
    page = (tmp_path / "map.html").read_text()
    assert '"synthetic_a_0000"' in page
    assert archive.name not in page
    assert "images/" not in page.partition("Bokeh.embed.embed_item(")[2]
