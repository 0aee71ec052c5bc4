"""Chapters as notebooks that stand alone: for the website's download button and for `make lab`.

The website resolves numbers, citations and cross-references; a notebook cannot, so they become plain text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import jupytext
import yaml
from build_book import BOOK, ROOT, chapters
from nbformat.v4 import new_code_cell
from pybtex.database import parse_file

sys.path.insert(0, str(BOOK / "_extensions"))
from quiz import as_markdown, read

from cnncourse.workbench.ledger import load_ledger

LAB = ROOT / "lab"
_QUIZ = re.compile(r"^```\{quiz\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r"\{(number|cite:t|cite:p|term|ref|numref|doc|download)\}`([^`]+)`")


def short_citations() -> dict[str, tuple[str, str]]:
    """For each key of the bibliography, (authors, year) as a sentence would name them."""
    short = {}
    for key, entry in parse_file(str(BOOK / "references.bib")).entries.items():
        names = [" ".join(person.last_names) for person in entry.persons.get("author", [])] or [entry.fields["title"]]
        authors = names[0] if len(names) == 1 else " and ".join(names) if len(names) == 2 else f"{names[0]} et al."
        short[key] = (re.sub(r"[{}]", "", authors), entry.fields.get("year", "n.d."))
    return short


def plain(markdown: str) -> str:
    """Replace the roles that only the website understands."""
    ledger, citations = load_ledger(), short_citations()

    def replace(match: re.Match[str]) -> str:
        role, text = match.groups()
        if role == "number":
            return ledger[text].text
        if role == "cite:t":
            return " and ".join("{} ({})".format(*citations[key.strip()]) for key in text.split(","))
        if role == "cite:p":
            return "(" + "; ".join("{}, {}".format(*citations[key.strip()]) for key in text.split(",")) + ")"
        if role == "download":  # lab/ holds the exercises beside the parts, not above them
            return re.sub(r"(.*?)\s*<(?:\.\./)+(exercises/[^>]*)>$", r"[\1](../\2)", text)
        return re.sub(r"\s*<[^>]*>$", "", text)

    return _ROLE.sub(replace, _QUIZ.sub(lambda found: as_markdown(read(found[1])), markdown))


def installing() -> str:
    """The first cell of a notebook that was taken home: it installs this version of the course where there is none."""
    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    return f"""# Installs the course where it is missing, for example in Colab.
import importlib.util

if importlib.util.find_spec("cnncourse") is None:
    %pip install --quiet "cnncourse[widgets] @ git+{repository}@v{version("cnncourse")}\""""


def as_notebook(chapter: Path, *, alone: bool = False) -> str:
    """A chapter as notebook JSON without outputs; the same chapter gives the same bytes.

    One that stands `alone` begins with a cell that installs the course.
    """
    notebook = jupytext.reads(plain(chapter.read_text(encoding="utf-8")), fmt="md:myst")
    notebook.metadata.pop("jupytext", None)
    if alone:
        notebook.cells.insert(0, new_code_cell(installing()))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = hashlib.sha256(f"{number}{cell.source}".encode()).hexdigest()[:8]
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def publish_notebooks(folder: Path) -> int:
    """Write every chapter as a notebook into `folder`, in place of those that the build made; return the count."""
    pages = chapters()
    for page in pages:
        target = (folder / page.relative_to(BOOK)).with_suffix(".ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_notebook(page, alone=True), encoding="utf-8")
    return len(pages)


def update_workspace(folder: Path = LAB) -> list[str]:
    """Bring chapters and exercises into a student's workspace without touching anything that was edited.

    A file that the student changed stays as it is; the new version comes beside it as `name.new.ipynb`.
    Returns one line for each file written.
    """
    folder.mkdir(exist_ok=True)
    record = folder / ".delivered.json"
    delivered: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    lines = []
    for name, content in _workspace_files().items():
        target, stamp = folder / name, hashlib.sha256(content.encode()).hexdigest()
        on_disk = hashlib.sha256(target.read_bytes()).hexdigest() if target.exists() else None
        if stamp in (on_disk, delivered.get(name)) and on_disk is not None:
            continue
        untouched = on_disk is None or on_disk == delivered.get(name)
        destination = target if untouched else target.with_suffix(".new.ipynb")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text(content, encoding="utf-8")
        delivered[name] = stamp
        lines.append(
            f"{destination.relative_to(folder)}{'' if untouched else '  (you edited yours; it stays as it is)'}"
        )
    record.write_text(json.dumps(delivered, indent=1, sort_keys=True))
    return lines


def _workspace_files() -> dict[str, str]:
    files = {page.relative_to(BOOK).with_suffix(".ipynb").as_posix(): as_notebook(page) for page in chapters()}
    for exercise in sorted((ROOT / "exercises").glob("*/*.ipynb")):
        files[f"exercises/{exercise.parent.name}/{exercise.name}"] = exercise.read_text(encoding="utf-8")
    return files


def publish_for_services(folder: Path) -> int:
    """Write into `folder` what Colab and Binder need: the notebooks, and what Binder installs for them."""
    count = publish_notebooks(folder)
    package = re.search(r'"(cnncourse.*?)"$', installing())
    assert package is not None
    (folder / "requirements.txt").write_text(f"jupyterlab\n{package[1]}\n", encoding="utf-8")
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fill the workspace of `make lab`, or a folder with notebooks alone.")
    parser.add_argument("folder", nargs="?", type=Path, default=LAB)
    parser.add_argument("--alone", action="store_true", help="notebooks that install the course, and no exercises")
    options = parser.parse_args()
    if options.alone:
        print(f"{publish_for_services(options.folder)} notebooks in {options.folder}")
    else:
        for line in update_workspace(options.folder):
            print("new:", line)
