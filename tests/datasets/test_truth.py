"""True labels from every table that people have, found for each row of predictions."""

import pytest

from trifuse.datasets.csv_table import Columns
from trifuse.datasets.table import DatasetError
from trifuse.datasets.truth import lie_elsewhere, match_truth, read_truth

ISIC_HEADER = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
FORMS = {
    "ham10000": "lesion_id,image_id,dx\nL1,ISIC_1,nv\nL1,ISIC_2,nv\nL2,ISIC_3,vasc\n",
    "isic": ISIC_HEADER
    + "ISIC_1,0.0,1.0,0.0,0.0,0.0,0.0,0.0\nISIC_2,0,1,0,0,0,0,0\nISIC_3,0,0,0,0,0,0,1\n",
    "table": "path,label\nISIC_1,nv\nISIC_2,nv\nISIC_3,vasc\n",
    "table with groups": "path,label,group\nISIC_1,nv,L1\nISIC_2,nv,L1\nISIC_3,vasc,L2\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(write, form):
    labels, groups = read_truth(str(write("truth.csv", FORMS[form])))
    assert labels == {"ISIC_1": "nv", "ISIC_2": "nv", "ISIC_3": "vasc"}
    assert list(groups) == ["ISIC_1", "ISIC_2", "ISIC_3"]
    assert (groups["ISIC_1"] == groups["ISIC_2"]) == (form in {"ham10000", "table with groups"})
    assert groups["ISIC_1"] != groups["ISIC_3"]


def test_each_isic_column_is_its_class(write):
    names = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    rows = [f"{name}_image," + ",".join(str(int(n == name)) for n in names) for name in names]
    truth, _ = read_truth(write("t.csv", ISIC_HEADER + "\n".join(rows)))
    assert truth == {f"{name}_image": name.lower() for name in names}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class\na,nv\n", "is no table of true labels .its columns are: file, class.; exp"),
        ("Path, Label\na,nv\n", "headings are named by --path-column and --label-column$"),
        ("", r"its columns are: none"),
        (ISIC_HEADER.replace(",DF", "") + "a,0,0,0,0,0,1\n", "has no column DF"),
        (ISIC_HEADER + "a,0,0,0,0,0,0,0\n", "line 2: one of AKIEC, BCC, .* must be 1"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,1\n", "line 2: one of"),
        (ISIC_HEADER + "a,0.6,0.4,0,0,0,0,0\n", "line 2: one of"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,0\nb,x,0,0,0,0,0,1\n", "line 3: one of"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,0\n" * 2, r"more than once: a \(lines 2 and 3\)"),
        ("path,label\na,nv\na,nv\n", r"more than once: a \(lines 2 and 3\)"),
        ("lesion_id,image_id,dx\nL1,a,naevus\n", "line 2: dx is 'naevus'"),
        ("path,label,label\na,nv,mel\n", "has two columns named label; rename one"),
        (ISIC_HEADER.replace("DF", "NV") + "a,0,0,0,0,0,0,1\n", "has two columns named NV; rename"),
    ],
)
def test_what_is_wrong_is_told(write, text, message):
    with pytest.raises(DatasetError, match=message):
        read_truth(write("truth.csv", text))


@pytest.mark.parametrize("separator", [";", "\t", ", "])
@pytest.mark.parametrize("form", FORMS)
def test_other_separators(write, form, separator):
    truth, _ = read_truth(write("truth.csv", FORMS[form].replace(",", separator)))
    assert truth == {"ISIC_1": "nv", "ISIC_2": "nv", "ISIC_3": "vasc"}


def test_other_headings(write):
    path = write("truth.csv", "isic_id;diagnosis;lesion\nISIC_1;nv;L1\nISIC_2;mel;L2\n")
    columns = Columns(path="isic_id", label="diagnosis", group="lesion")
    labels, groups = read_truth(path, columns)
    assert labels == {"ISIC_1": "nv", "ISIC_2": "mel"}
    assert groups == {"ISIC_1": "L1", "ISIC_2": "L2"}


class TestMatch:
    def test_the_exact_path_goes_before_the_file_name(self):
        truth = {"a/x.jpg": "nv", "b/x.jpg": "mel", "x": "df"}
        assert match_truth(["b/x.jpg", "a/x.jpg", "x"], truth) == ["mel", "nv", "df"]

    @pytest.mark.parametrize(
        "image",
        ["ISIC_1.jpg", "/d/ISIC_1.JPG", "d/ISIC_1.png", "ISIC_1", "x/ISIC_1.dcm", "ISIC_1.DICOM"],
    )
    @pytest.mark.parametrize("name", ["ISIC_1", "ISIC_1.jpg", "part_1/ISIC_1.jpeg", "ISIC_1.dcm"])
    def test_the_file_name_suffices(self, image, name):
        assert match_truth([image], {name: "nv", "other": "mel"}) == ["nv"]

    def test_what_is_not_there_is_none(self):
        assert match_truth(["a.jpg", "ISIC_1.jpg"], {"ISIC_1": "nv"}) == [None, "nv"]

    def test_dots_within_an_id_are_part_of_it(self):
        truth = {"1.2.840": "nv", "1.2.841": "mel"}
        assert match_truth(["x/1.2.841.png", "1.2.840.jpg"], truth) == ["mel", "nv"]

    def test_an_ambiguous_file_name_is_told(self):
        truth = {"a/x.jpg": "nv", "b/x.png": "nv"}
        with pytest.raises(DatasetError, match=r"c/x.jpg could be any of a/x.jpg, b/x.png of the"):
            match_truth(["c/x.jpg"], truth)
        assert match_truth(["y.jpg"], truth) == [None]

    COAST, FOREST = "data/test/Coast/image_0003.jpg", "data/test/Forest/image_0003.jpg"

    @pytest.mark.parametrize(
        "rename",
        [
            lambda path: f"/archive/{path}",
            lambda path: f"x.zip/{path.removeprefix('data/')}",
            lambda path: path.removeprefix("data/test/").replace(".jpg", ".png"),
            lambda path: f"./{path}",
            lambda path: f"D:/{path}".replace("/", "\\"),
        ],
    )
    def test_the_longest_common_end_decides(self, rename):
        truth = {self.COAST: "coast", self.FOREST: "forest"}
        images = [rename(self.FOREST), rename(self.COAST)]
        assert match_truth(images, truth) == ["forest", "coast"]
        renamed = {rename(name): label for name, label in truth.items()}
        assert match_truth(list(truth), renamed) == ["coast", "forest"]

    @pytest.mark.parametrize(
        ("image", "name", "told"),
        [
            ("data/test/a/0.jpg", "/archive/val/b/0.jpg", True),
            ("test\\a\\0.jpg", "b/0", True),
            ("x/a/0.jpg", "y/a/0.png", False),
            ("x/a/0.jpg", "0", False),
            ("0.jpg", "a/0.jpg", False),
            ("a/0.jpg", "/0.jpg", False),
            ("../0.jpg", "a/0.jpg", False),
            ("./0.jpg", "a/0.jpg", False),
        ],
    )
    def test_other_folders_are_known(self, image, name, told):
        assert match_truth([image], {name: "nv"}) == ["nv"]
        assert lie_elsewhere(image, name) is told

    def test_the_suffix_decides_where_all_else_is_alike(self):
        truth = {"/d/x.jpg": "nv", "/d/x.png": "mel"}
        assert match_truth(["d/x.png", "x.jpg"], truth) == ["mel", "nv"]
        with pytest.raises(DatasetError, match=r"x.tif could be any of /d/x.jpg, /d/x.png of the"):
            match_truth(["x.tif"], truth)

    def test_ends_of_one_length_are_ambiguous(self):
        truth = {"1/Coast/x.jpg": "a", "2/Coast/x.jpg": "b", "3/Forest/x.jpg": "c"}
        with pytest.raises(DatasetError, match=r"could be any of 1/Coast/x.jpg, 2/Coast/x.jpg of"):
            match_truth(["4/Coast/x.jpg"], truth)
        assert match_truth(["4/Forest/x.jpg", "2/Coast/x.jpg"], truth) == ["c", "b"]

    def test_an_image_of_another_folder_is_none_of_the_truth(self):
        truth = {"test/Coast/x.jpg": "coast"}
        images = ["all/test/Coast/x.jpg", "all/test/Forest/x.jpg", "all/train/Coast/x.jpg"]
        assert match_truth(images, truth) == ["coast", None, None]
        assert match_truth(images[1:2], truth) == ["coast"]  # by its name alone, as ever
        assert match_truth(["Coast/x.jpg", "x.jpg"], truth) == ["coast", "coast"]
