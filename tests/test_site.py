"""The site has a page of every module, and its links lead where the repository's lead."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site():
    spec = spec_from_file_location("site_pages", ROOT / "docs" / "site_pages.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_has_a_page(site):
    pages = site.reference_pages()
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    modules = {path for folder in packages for path in folder.rglob("*.py")}
    assert set(pages) == {path.relative_to(ROOT).as_posix() for path in modules}
    assert pages["features/descriptors/sift.py"] == "reference/features/descriptors/sift.md"
    assert len(set(pages.values())) == len(pages)


def test_the_page_of_a_package_lists_its_modules(site):
    page = site.write_reference("encoders/__init__.py")
    assert page.startswith("# trifuse.encoders\n\n::: trifuse.encoders\n")
    assert "- [`fusion.py`](fusion.py) — " in page
    assert "members: false" in page
    own = site.write_reference("encoders/methods/__init__.py")
    assert "options: { members: [Summands, Encoding] }" in own
    assert site.write_reference("encoders/methods/fisher.py") == (
        "# trifuse.encoders.methods.fisher\n\n::: trifuse.encoders.methods.fisher\n"
    )


def test_every_page_of_the_reference_is_in_the_navigation(site):
    pages = list(site.reference_pages().values())

    def flatten(entries):
        for entry in entries:
            if isinstance(entry, str):
                yield entry
            else:
                for inner in entry.values():
                    yield from flatten(inner)

    assert sorted(flatten(site.navigate_reference(pages))) == sorted(pages)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "[a](docs/limits.md)", "[a](limits.md)"),
        ("index.md", "[a](LICENSE)", "a"),
        ("index.md", "[a](https://b.org/c.md)", "[a](https://b.org/c.md)"),
        ("limits.md", "[a](../README.md#two-commands)", "[a](index.md#two-commands)"),
        ("limits.md", "[a](security.md#b)", "[a](security.md#b)"),
        ("limits.md", "[a](#here)", "[a](#here)"),
        ("limits.md", "[a](../encoders/blocks.py)", "[a](reference/encoders/blocks.md)"),
        ("limits.md", "[a](../encoders)", "[a](reference/encoders/index.md)"),
        ("limits.md", "[a](../tests/conftest.py)", "a"),
        ("reference/encoders/index.md", "[a](fusion.py)", "[a](fusion.md)"),
    ],
)
def test_links_lead_to_pages_of_the_site(site, page, link, expected):
    assert site.LINK.sub(lambda match: site.link_on_site(match, page), link) == expected
