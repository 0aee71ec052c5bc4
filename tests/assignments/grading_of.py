"""Grade answers to an assignment quickly, so that a test of its checks reads as a table.

    LOST = lost("stride_arithmetic", {"twin": "def twin(…): …"})     # {"twin-gaps": 1.0}

Answers that are not given are the instructor's own. `words` tells what the student reads.
"""

from functools import cache
from pathlib import Path
from textwrap import dedent

from cnncourse.grading.job import Job, Outcome
from cnncourse.grading.rehearsal import answers_in, job_of, read_notebook, rehearse

ROOT = Path(__file__).parents[2]
TOPICS = sorted(path.stem for path in (ROOT / "solutions").glob("*/*.ipynb"))


@cache
def instructor(topic: str) -> dict:
    return read_notebook(ROOT / "solutions" / topic / f"{topic}.ipynb")


@cache
def released(topic: str) -> dict:
    return read_notebook(ROOT / "exercises" / topic / f"{topic}.ipynb")


def job_with(topic: str, answers: dict[str, str] | None = None) -> Job:
    """The job of the instructor's answers with some of them replaced."""
    replaced = {grade_id: dedent(source).strip() for grade_id, source in (answers or {}).items()}
    return job_of(topic, instructor(topic), answers_in(instructor(topic)) | replaced)


def outcome(topic: str, answers: dict[str, str] | None = None) -> Outcome:
    """Grade in this process: `test_every_assignment` shows that the engine comes to the same points."""
    return rehearse(job_with(topic, answers))


def grade(topic: str, answers: dict[str, str] | None = None) -> dict[str, float]:
    """Points of each check."""
    return {cell.grade_id: cell.points for cell in outcome(topic, answers).cells if cell.max_points}


def grade_empty(topic: str) -> dict[str, float]:
    """Points of each check for the notebook as it is released."""
    result = rehearse(job_of(topic, instructor(topic), answers_in(released(topic))))
    return {cell.grade_id: cell.points for cell in result.cells if cell.max_points}


def full_marks(topic: str) -> dict[str, float]:
    """Points that each check can give."""
    return {
        cell["id"]: cell["metadata"]["nbgrader"]["points"]
        for cell in instructor(topic)["cells"]
        if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"]["grade"]
    }


def lost(topic: str, answers: dict[str, str]) -> dict[str, float]:
    """Points that the answers lose, by check; checks that lose nothing are left out."""
    return {c.grade_id: c.max_points - c.points for c in outcome(topic, answers).cells if c.points < c.max_points}


def words(topic: str, answers: dict[str, str]) -> str:
    """All that a student reads about the failures."""
    return "\n".join(cell.message for cell in outcome(topic, answers).cells if cell.message)
