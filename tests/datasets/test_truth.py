"""True labels from every table that people have, found for each row of predictions."""

import pytest

from trifuse.datasets.table import DatasetError
from trifuse.datasets.truth import match_truth, read_truth, read_truth_groups

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
    path = write("truth.csv", FORMS[form])
    assert read_truth(str(path)) == {"ISIC_1": "nv", "ISIC_2": "nv", "ISIC_3": "vasc"}
    groups = read_truth_groups(path)
    assert list(groups) == ["ISIC_1", "ISIC_2", "ISIC_3"]
    assert (groups["ISIC_1"] == groups["ISIC_2"]) == (form in {"ham10000", "table with groups"})
    assert groups["ISIC_1"] != groups["ISIC_3"]


def test_each_isic_column_is_its_class(write):
    names = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    rows = [f"{name}_image," + ",".join(str(int(n == name)) for n in names) for name in names]
    truth = read_truth(write("t.csv", ISIC_HEADER + "\n".join(rows)))
    assert truth == {f"{name}_image": name.lower() for name in names}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class\na,nv\n", "is no table of true labels .its columns are: file, class.; exp"),
        ("", r"its columns are: none"),
        (ISIC_HEADER.replace(",DF", "") + "a,0,0,0,0,0,1\n", "has no column DF"),
        (ISIC_HEADER + "a,0,0,0,0,0,0,0\n", "line 2: one of AKIEC, BCC, .* must be 1"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,1\n", "line 2: one of"),
        (ISIC_HEADER + "a,0.6,0.4,0,0,0,0,0\n", "line 2: one of"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,0\nb,x,0,0,0,0,0,1\n", "line 3: one of"),
        (ISIC_HEADER + "a,1,0,0,0,0,0,0\n" * 2, r"more than once: a \(lines 2 and 3\)"),
        ("path,label\na,nv\na,nv\n", r"more than once: a \(lines 2 and 3\)"),
        ("lesion_id,image_id,dx\nL1,a,naevus\n", "line 2: dx is 'naevus'"),
    ],
)
def test_what_is_wrong_is_told(write, text, message):
    with pytest.raises(DatasetError, match=message):
        read_truth(write("truth.csv", text))


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
