"""One idea, one home: a chapter, its module, its tests and its assignment carry one name."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
ASSIGNMENTS = sorted(path.stem for path in (ROOT / "solutions").glob("*/*.ipynb"))
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


@pytest.mark.parametrize("topic", ASSIGNMENTS)
def test_an_assignment_has_its_release_and_its_test(topic):
    assert (ROOT / "solutions" / topic / f"{topic}.ipynb").exists()
    assert (ROOT / "exercises" / topic / f"{topic}.ipynb").exists()
    assert (ROOT / "tests" / "assignments" / f"test_{topic}.py").exists()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_leads_to_its_assignment(chapter):
    """An assignment bears the name of its chapter, which offers it on the site and names its place in `lab/`."""
    topic = chapter.split("/")[1]
    text = (ROOT / "book" / f"{chapter}.md").read_text()
    if topic not in ASSIGNMENTS:
        assert "## Graded exercise" not in text, f"{chapter} announces an exercise that does not exist"
        return
    section = text.partition("\n## Graded exercise\n")[2]
    assert section, f"{chapter} does not mention its assignment"
    assert f"`exercises/{topic}/{topic}.ipynb`" in section
    assert f"<../../exercises/{topic}/{topic}.ipynb>`" in section


def test_these_chapters_have_their_assignment():
    """Those that are still without one may stay so; these may not lose theirs."""
    assert {"stride_arithmetic", "convolution"} <= set(ASSIGNMENTS)
