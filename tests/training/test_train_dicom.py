"""DICOM archives are trained on as others are: class folders and tables, whatever the suffixes."""

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from trifuse.classifiers.model_file import read_about
from trifuse.datasets.table import DatasetError
from trifuse.features.images import read_image
from trifuse.training.train import TrainingOptions, run_training

CLASSES = ("synthetic_a", "synthetic_d")


def write_dicom(path, image, frames=1):
    dataset, dataset.file_meta = Dataset(), FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.4", generate_uid()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = image.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.PlanarConfiguration = 7, 0, 0
    dataset.PhotometricInterpretation, dataset.NumberOfFrames = "RGB", frames
    dataset.PixelData = image.tobytes() * frames
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def archives(tmp_path, pictures):
    """The same images as PNG and as DICOM, half of these without a suffix, in class folders."""
    for name in CLASSES:
        for number, picture in enumerate(path for path in pictures if name in path):
            image = read_image(picture)
            for kind, suffix in (("png", ".png"), ("dicom", ".dcm" if number % 2 else "")):
                path = tmp_path / kind / name / f"{number}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if kind == "png":
                    Image.fromarray(image).save(path)
                else:
                    write_dicom(path, image)
    return tmp_path


def test_class_folders(archives, recipe_file):
    found = []
    for kind in ("png", "dicom"):
        model = archives / f"{kind}.trifuse"
        run_training(TrainingOptions(str(archives / kind), str(model), str(recipe_file)))
        found.append(read_about(model)["training"])
    assert found[1]["class_counts"] == dict.fromkeys(CLASSES, 8)
    assert found[0]["metrics"] == found[1]["metrics"]


def test_a_table_with_a_file_of_several_frames(archives, recipe_file):
    folder = archives / "dicom"
    write_dicom(folder / "clip.dcm", np.zeros((72, 96, 3), np.uint8), frames=2)
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in folder.glob("*/*")]
    table = folder / "table.csv"
    table.write_text("\n".join(["path,label", *rows, "clip.dcm,synthetic_a"]))
    said: list[str] = []
    with pytest.raises(DatasetError, match=r"1 image of 17 cannot be read: '.*clip.dcm'"):
        run_training(
            TrainingOptions(str(table), str(archives / "m.trifuse"), str(recipe_file)), said.append
        )
    assert "it is a DICOM file of 2 frames, and one image is wanted" in "".join(said)
