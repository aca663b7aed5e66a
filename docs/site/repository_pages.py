"""Takes every README and the other pages of the repository into the site, and leads their links to the right place.

In the repository a link is relative to the file that it stands in, as code hosts follow it. The site has docs/ at its
top, the main README as its first page, and all other pages where the repository has them.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<path>[^()\s:#]+)(?P<anchor>#[^()\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    from mkdocs.structure.files import File

    for path in pages_outside_docs():
        files.append(File.generated(config, in_site(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    return led(markdown, in_repository(page.file.src_uri))


def pages_outside_docs() -> list[str]:
    """All Markdown files that git knows, or would add, outside docs/."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in found if not path.startswith("docs/")]


def in_site(path: str) -> str:
    """Where the site has a file of the repository."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def in_repository(page: str) -> str:
    """Where the repository has a page of the site."""
    if page == "index.md":
        return "README.md"
    return f"docs/{page}" if (ROOT / "docs" / page).is_file() else page


def led(markdown: str, page: str) -> str:
    """The text of a page of the repository, with its links as the site needs them.

    A link to a file that is there but no page (a source file) becomes its text. One that leads nowhere stays as it is,
    for MkDocs to complain about.
    """
    here = posixpath.dirname(page)

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, link["path"]))
        if not (ROOT / target).exists():
            return link[0]
        if not target.endswith(".md") and not target.startswith("docs/"):
            return link["text"]
        way = posixpath.relpath(in_site(target), posixpath.dirname(in_site(page)) or ".")
        return f"[{link['text']}]({way}{link['anchor'] or ''})"

    return LINK.sub(replaced, markdown)
