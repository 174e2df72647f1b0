"""Packaging: the repository root is the namespace package ``trifuse``."""

from setuptools import find_packages, setup

FOLDERS = [
    "recipes", "features", "encoders", "classifiers", "datasets",
    "training", "studies", "batch", "cli",
]  # fmt: skip

found = find_packages(include=[pattern for name in FOLDERS for pattern in (name, f"{name}.*")])

setup(
    script_name="setup.py",  # so that the root package does not take this file for a module
    packages=["trifuse", *(f"trifuse.{name}" for name in found)],
    package_dir={"trifuse": "."},
    package_data={
        "trifuse": ["py.typed"],
        "trifuse.classifiers.packages": ["licences/*.txt"],
        "trifuse.recipes": ["*.toml", "*/*.toml"],
        "trifuse.studies": ["templates/*.html", "templates/*.css", "templates/*.js"],
    },
)
