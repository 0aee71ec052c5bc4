"""One idea, one home: a chapter, its module, its tests and its assignment carry one name."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
CHAPTERS = [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"] if "/" in chapter["file"]]


def module(chapter: str) -> Path:
    """The module of a chapter: a file, or a folder of the same name when the topic is large."""
    file = ROOT / "cnncourse" / f"{chapter}.py"
    return file if file.exists() else ROOT / "cnncourse" / chapter / "__init__.py"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_its_module_and_its_test(chapter):
    part, topic = chapter.split("/")
    assert (ROOT / "book" / f"{chapter}.md").exists()
    assert module(chapter).exists()
    assert (ROOT / "tests" / part / f"test_{topic}.py").exists()


def test_every_chapter_stands_in_the_table_of_contents():
    written = {path.relative_to(ROOT / "book").with_suffix("").as_posix() for path in (ROOT / "book").glob("*/*.md")}
    assert written == set(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_names_its_module_and_is_named_by_it(chapter):
    assert "cnncourse." + chapter.replace("/", ".") in (ROOT / "book" / f"{chapter}.md").read_text()
    assert f"`{chapter}`" in module(chapter).read_text()
