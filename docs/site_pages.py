"""Pages of the site, by MkDocs, that no file of this folder holds: README and a reference.

The pages of the repository link to one another as files, so that they can be read there. On the
site a link to a module leads to its reference, and one to a file that the site does not have is
left as plain text.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def reference_pages() -> dict[str, str]:
    """Give the page of each public module by its file, both from the root.

    >>> reference_pages()["features/descriptors/sift.py"]
    'reference/features/descriptors/sift.md'
    """
    folders = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    files = (path.relative_to(ROOT) for name in folders for path in (ROOT / name).rglob("*.py"))
    pages = {}
    for file in sorted(files):
        if file.name == "__init__.py":
            pages[file.as_posix()] = f"reference/{file.parent.as_posix()}/index.md"
        elif not file.name.startswith("_"):
            pages[file.as_posix()] = f"reference/{file.with_suffix('.md').as_posix()}"
    return pages


def write_reference(file: str) -> str:
    """Write the page of a module, whose names MkDocs fills in; a package's lists its modules."""
    path = ROOT / file
    package = path.name == "__init__.py"
    name = ".".join(["trifuse", *Path(file).with_suffix("").parts]).removesuffix(".__init__")
    lines = [f"# {name}", "", f"::: {name}"]
    if package:
        own = [
            node.name
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        ]
        members = f"[{', '.join(own)}]" if own else "false"
        lines += [f"    options: {{ members: {members} }}", ""]
        for below in sorted([*path.parent.glob("[a-z]*.py"), *path.parent.glob("*/__init__.py")]):
            first = (ast.get_docstring(ast.parse(below.read_text("utf-8"))) or "").split("\n")[0]
            link = below.relative_to(path.parent).as_posix()
            lines.append(f"- [`{link.removesuffix('/__init__.py')}`]({link}) — {first}")
    return "\n".join(lines) + "\n"


def navigate_reference(pages: list[str], below: str = "reference") -> list[object]:
    """Nest pages of the reference as their folders are."""
    entries: list[object] = [page for page in pages if posixpath.dirname(page) == below]
    inner = [page for page in pages if page.startswith(f"{below}/") and page not in entries]
    names = sorted({page[len(below) + 1 :].split("/")[0] for page in inner})
    return entries + [{name: navigate_reference(inner, f"{below}/{name}")} for name in names]


def on_config(config: MkDocsConfig) -> None:
    """Add the reference to the list of pages."""
    assert config.nav is not None
    config.nav.insert(-2, {"Reference": navigate_reference(list(reference_pages().values()))})


def on_files(files: Files, *, config: MkDocsConfig) -> None:
    """Add the pages that are not in this folder."""
    from mkdocs.structure.files import File

    written = {page: (ROOT / file).read_text("utf-8") for file, page in ROOT_PAGES.items()}
    written |= {page: write_reference(file) for file, page in reference_pages().items()}
    for page, content in written.items():
        files.append(File.generated(config, page, content=content))


def link_on_site(match: re.Match[str], page: str) -> str:
    """Turn a link between files of the repository into one between pages of the site."""
    text, target, anchor = match[1], match[2], match[3] or ""
    if not target or "://" in target:
        return match[0]
    homes = {site: file for file, site in (ROOT_PAGES | reference_pages()).items()}
    home = posixpath.dirname(homes.get(page, f"docs/{page}"))
    file = posixpath.normpath(posixpath.join(home, target))
    pages = ROOT_PAGES | reference_pages()
    if file in pages:
        site = pages[file]
    elif f"{file}/__init__.py" in pages:
        site = pages[f"{file}/__init__.py"]
    elif file.startswith("docs/"):
        site = file.removeprefix("docs/")
    else:
        return text
    return f"[{text}]({posixpath.relpath(site, posixpath.dirname(page) or '.')}{anchor})"


def on_page_markdown(markdown: str, /, *, page: Page, **_: object) -> str:
    """Let links lead to pages of the site."""
    return LINK.sub(lambda match: link_on_site(match, page.file.src_uri), markdown)
