"""A small archive of computed pictures, for the demonstration and the tests.

They look a little like dermatoscopy (skin, a lesion, hairs, uneven light), but no picture shows
anybody's skin and no class is a disease: never judge a classifier for people by them.
"""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Size = tuple[int, int]

_NOTE = """The pictures in this folder are computed. They show nobody's skin, and their classes are
no diseases; they only serve to try out trifuse.
"""

_COLOURS = {
    "brown": ((160, 112, 84), (98, 62, 46)),
    "red": ((188, 104, 100), (126, 50, 56)),
    "blue": ((132, 116, 130), (72, 64, 92)),
}
"""A palette's ground and markings, RGB."""

# Every palette and all textures but one are shared: who sees only the palette can tell three kinds
# apart, who sees only the texture four, and neither tells the seven classes.
SYNTHETIC_CLASSES = {
    "synthetic_a": ("dots", "brown"),
    "synthetic_b": ("dots", "red"),
    "synthetic_c": ("stripes", "red"),
    "synthetic_d": ("stripes", "blue"),
    "synthetic_e": ("rings", "blue"),
    "synthetic_f": ("rings", "brown"),
    "synthetic_g": ("network", "brown"),
}
"""Each class's texture and palette."""


def write_synthetic_archive(
    folder: str | os.PathLike[str],
    images_per_class: int = 30,
    size: Size = (120, 160),
    seed: int = 0,
) -> Path:
    """Write a CSV table of computed pictures in seven classes.

    The classes are pairs of a texture and a palette (`SYNTHETIC_CLASSES`). A lesion has one to
    three pictures that differ by rotation, shift, magnification, light and hairs, as a patient's
    do; they form one group.

    Parameters
    ----------
    folder : str or path
        Made if missing; receives ``metadata.csv`` (path, label, group), ``images/*.jpg`` and a
        ``README.txt`` that says what the pictures are.
    images_per_class : int
        Pictures of each class.
    size : (rows, columns)
        Size of the pictures in pixels.
    seed : int
        The same seed gives the same bytes; a larger archive holds the pictures of a smaller one.

    Returns
    -------
    Path
        The CSV, to be read by `trifuse.datasets.load.load_dataset`.
    """
    archive = Path(folder)
    (archive / "images").mkdir(parents=True, exist_ok=True)
    (archive / "README.txt").write_text(_NOTE, encoding="utf-8")
    table = archive / "metadata.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label", "group"])
        for place, label in enumerate(SYNTHETIC_CLASSES):
            for number, (lesion, view) in enumerate(_views(images_per_class, seed, place)):
                path = f"images/{label}_{number:04d}.jpg"
                rng = np.random.default_rng([seed, place, lesion, view + 1])
                image = draw_view(_lesion(label, seed, lesion), size, rng)
                _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
                (archive / path).write_bytes(data.tobytes())
                writer.writerow([path, label, f"{label}_lesion_{lesion:04d}"])
    return table


def _views(n_images: int, seed: int, place: int) -> list[tuple[int, int]]:
    """Deal out (lesion, view) to the images: one to three views of each lesion."""
    rng = np.random.default_rng([seed, place])
    counts = rng.choice([1, 2, 3], size=n_images, p=[0.5, 0.3, 0.2])
    views = [(lesion, view) for lesion, count in enumerate(counts) for view in range(count)]
    return views[:n_images]


@dataclass(frozen=True)
class Lesion:
    """What stays the same in all pictures of a lesion; lengths are shares of the image height."""

    texture: str
    ground: Plane
    markings: Plane
    axes: tuple[float, float]
    outline: Plane
    spacing: float
    strength: float
    jitter: Plane


def _lesion(label: str, seed: int, number: int) -> Lesion:
    texture, palette = SYNTHETIC_CLASSES[label]
    rng = np.random.default_rng([seed, list(SYNTHETIC_CLASSES).index(label), number, 0])
    ground, markings = np.array(_COLOURS[palette], dtype=np.float64)
    tint = rng.normal(0, 9, 3)
    return Lesion(
        texture=texture,
        ground=ground + tint,
        markings=markings + tint + rng.normal(0, 6, 3),
        axes=(rng.uniform(0.30, 0.42), rng.uniform(0.26, 0.36)),
        outline=rng.normal(0, 1, (2, 4)) * (0.09 / np.arange(1, 5)),
        spacing=rng.uniform(0.075, 0.11),
        strength=rng.uniform(0.55, 0.95),
        jitter=rng.uniform(0.35, 0.65, (32, 32, 2)),
    )


def draw_view(lesion: Lesion, size: Size, rng: Generator) -> NDArray[np.uint8]:
    """Draw one picture of a lesion: RGB, shape (rows, columns, 3); `rng` decides the view."""
    y, x = _lesion_frame(size, rng)
    texture = _texture(lesion, x / lesion.spacing, y / lesion.spacing)
    marked = np.clip(lesion.strength * texture + rng.normal(0, 0.05), 0, 1)[:, :, np.newaxis]
    colours = lesion.ground + (lesion.markings - lesion.ground) * marked
    inside = _inside(lesion, x, y)[:, :, np.newaxis]
    skin = np.array([224, 180, 158]) + rng.normal(0, 6, 3)
    picture = skin + (colours - skin) * inside
    noise = cv2.resize(rng.normal(0, 0.6, (6, 8)), size[::-1], interpolation=cv2.INTER_CUBIC)
    picture += 10 * noise[:, :, np.newaxis]
    return _photograph(_add_hairs(picture, rng), rng)


def _lesion_frame(size: Size, rng: Generator) -> tuple[Plane, Plane]:
    """Coordinates of the pixels in the lesion's own frame: turned, moved and magnified."""
    rows, columns = size
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    y = (y - rows / 2) / rows + rng.normal(0, 0.05)
    x = (x - columns / 2) / rows + rng.normal(0, 0.08)
    angle, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.88, 1.12)
    sine, cosine = np.sin(angle) / zoom, np.cos(angle) / zoom
    return cosine * y - sine * x, sine * y + cosine * x


def _inside(lesion: Lesion, x: Plane, y: Plane) -> Plane:
    """1 inside of the lesion's uneven outline, 0 outside, with a soft border."""
    turn = np.linspace(-np.pi, np.pi, 181)
    waves = sum(
        a * np.cos(k * turn) + b * np.sin(k * turn)
        for k, (a, b) in enumerate(lesion.outline.T, start=2)
    )
    outline: Plane = np.interp(np.arctan2(y, x), turn, 1 + waves)
    radius = np.hypot(x / lesion.axes[0], y / lesion.axes[1])
    return np.clip(0.5 + (outline - radius) * 5, 0, 1)


def _texture(lesion: Lesion, x: Plane, y: Plane) -> Plane:
    """Shares of markings (0 to 1) at lattice coordinates, with a ramp of a tenth of the lattice.

    All textures cover about a third of the lesion, lest the amount of the darker colour give the
    texture away.
    """
    jitter = lesion.jitter
    if lesion.texture == "dots":
        inward = 0.31 - _distance_to_cell_point(x, y, jitter)
    elif lesion.texture == "rings":
        inward = 0.085 - np.abs(_distance_to_cell_point(x / 1.4, y / 1.4, jitter) - 0.27)
    elif lesion.texture == "stripes":
        wave = 3 * (jitter[0, 0, 0] - 0.5) * np.sin(0.9 * y + 6 * jitter[0, 0, 1])
        inward = 0.16 - np.abs((x + wave) % 1 - 0.5)
    else:
        x = x + 0.25 * np.sin(1.1 * y + 9 * jitter[0, 0, 0])
        y = y + 0.25 * np.sin(1.1 * x + 9 * jitter[0, 0, 1])
        inward = 0.085 - np.minimum(np.abs(x % 1 - 0.5), np.abs(y % 1 - 0.5))
    return np.clip(0.5 + inward * 10, 0, 1)


def _distance_to_cell_point(x: Plane, y: Plane, jitter: Plane) -> Plane:
    """Distance to the one point, moved at random from its centre, of the pixel's lattice cell."""
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    points = jitter[row % len(jitter), column % len(jitter)]
    return np.asarray(np.hypot(x - column - points[:, :, 0], y - row - points[:, :, 1]))


def _add_hairs(picture: Plane, rng: Generator) -> Plane:
    rows, columns = picture.shape[:2]
    covered = np.zeros((rows, columns), np.uint8)
    for _ in range(rng.poisson(2.5)):
        ends = rng.uniform(-0.1, 1.1, (3, 2)) * (columns, rows)
        t = np.linspace(0, 1, 24)[:, np.newaxis]
        curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]
        cv2.polylines(
            covered, [np.rint(curve).astype(np.int32)], False, 255, 1, lineType=cv2.LINE_AA
        )
    share = covered[:, :, np.newaxis] / 255 * rng.uniform(0.5, 0.9)
    return picture + (np.array([52.0, 40.0, 36.0]) - picture) * share


def _photograph(picture: Plane, rng: Generator) -> NDArray[np.uint8]:
    """Light the picture unevenly and with a cast, and add the sensor's noise."""
    rows, columns = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    slope = rng.normal(0, 0.07, 2)
    light = rng.uniform(0.85, 1.12) + slope[0] * y + slope[1] * x
    light -= rng.uniform(0, 0.15) * (x**2 + y**2) / 2
    cast = rng.normal(1, 0.025, 3)
    noise = 5 * rng.standard_normal(picture.shape, dtype=np.float32)
    seen = picture * (light[:, :, np.newaxis] * cast) + noise
    return np.asarray(np.clip(seen, 0, 255), np.uint8)
