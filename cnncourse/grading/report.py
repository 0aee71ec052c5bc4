"""A student's feedback as one HTML page: points with reasons in words, and nothing that runs, leaks or loads.

Everything from the student is escaped, hidden tests appear by their title alone. Chapter: `teaching`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncourse.grading.course import Course
from cnncourse.grading.files import sweep, write_whole
from cnncourse.grading.jobs import OUR_METADATA
from cnncourse.grading.recorder import CellState, Recorded
from cnncourse.grading.report_style import STYLE
from cnncourse.grading.source import first_comment, split_hidden

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\x1b\[[0-9;]*[A-Za-z]")
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would show code in another order than it runs
_HEADING = re.compile(r"^#{2,6}\s+(.+)$", re.MULTILINE)
_LONGEST = 20_000


@dataclass(frozen=True)
class Task:
    """One graded cell as the page shows it."""

    grade_id: str
    title: str
    points: float
    max_points: float
    mark: str
    words: tuple[str, ...]
    shown: str = ""


def write_feedback(
    course: Course, assignment: str, student: str, notebook: str, document: Mapping[str, Any], recorded: Recorded
) -> Path:
    """Write the page to nbgrader's feedback folder, where `nbgrader release_feedback` finds it."""
    path = course.folder("feedback", student, assignment) / f"{notebook}.html"
    sweep(path.parent)
    write_whole(path, feedback_page(assignment, student, notebook, document, recorded))
    for name in ("timestamp.txt", "submission_secret.txt"):  # release_feedback wants them
        source = course.folder("autograded", student, assignment) / name
        if source.is_file():
            write_whole(path.parent / name, source.read_bytes())
    return path


def feedback_page(assignment: str, student: str, notebook: str, document: Mapping[str, Any], recorded: Recorded) -> str:
    """The page as HTML.

    Parameters
    ----------
    assignment, student, notebook
        What is graded.
    document
        The notebook of `autograded/`, as a JSON object.
    recorded
        What the gradebook says, by hand or automatically.
    """
    record = document["metadata"].get(OUR_METADATA, {})
    states = {grade_id: state for (name, grade_id), state in recorded.cells.items() if name == notebook}
    tasks = list(_tasks(document, record, states))
    earned, possible = sum(task.points for task in tasks), sum(task.max_points for task in tasks)
    penalty = recorded.penalties.get(notebook, 0.0)
    total = f"{max(0.0, earned - penalty):g} of {possible:g} points"
    parts = [
        f"<header><p>{_e(assignment)}</p><h1>Feedback for {_e(student)}</h1>",
        f'<p class="total"><strong>{total}</strong>{_pending(tasks)}</p>{_late(penalty, earned)}</header>',
        _overview(tasks),
        *[_section(number, task) for number, task in enumerate(tasks, 1)],
        _answers(document, states),
        _notes(record),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{_e(assignment)}: feedback for {_e(student)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(parts)}\n</main>\n</body>\n</html>\n"
    )


def _tasks(document: Mapping[str, Any], record: Mapping[str, Any], states: Mapping[str, CellState]) -> Iterator[Task]:
    """The graded cells; a text to be written is called by the last heading before it."""
    heading = ""
    for cell in document["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "markdown" and marks.get("locked"):
            found = _HEADING.findall(cell["source"])
            heading = found[-1].strip() if found else heading
        task = _task(cell, record, states, heading)
        if task is not None:
            yield task


def _task(
    cell: Mapping[str, Any], record: Mapping[str, Any], states: Mapping[str, CellState], heading: str
) -> Task | None:
    marks = cell["metadata"].get("nbgrader", {})
    grade_id = marks.get("grade_id", "")
    if not (marks.get("grade") or marks.get("task")):
        return None
    state = states.get(grade_id, CellState(0.0, float(marks.get("points", 0.0)), False))
    verdict = record.get("cells", {}).get(grade_id)
    manual = marks.get("task") or marks.get("solution") or verdict is None
    if manual:
        words: tuple[str, ...] = ("This part is still to be graded by a person.",) if state.needs_manual_grade else ()
        if state.comment:
            words = (*words, state.comment)
        mark = "open" if state.needs_manual_grade else _mark(state.score, state.max_score)
        return Task(grade_id, _manual_title(cell) or heading or grade_id, state.score, state.max_score, mark, words)
    words = tuple(_reasons(verdict))
    if state.score != verdict["points"] and not state.needs_manual_grade:
        words = (*words, f"A person changed the points of the checks ({verdict['points']:g}) to {state.score:g}.")
    title = verdict.get("title") or grade_id
    mark = _mark(state.score, state.max_score)
    return Task(grade_id, title, state.score, state.max_score, mark, words, _visible(cell))


def _reasons(verdict: Mapping[str, Any]) -> list[str]:
    """Why the points are what they are; of hidden tests only their title."""
    status, where = verdict["status"], verdict.get("where", "")
    if status == "passed":
        return ["Partly right: the check itself gives a part of the points."] if _is_partial(verdict) else []
    if status == "not_run":
        return [verdict["message"] or "This check was not run."]
    if where == "hidden":
        title = verdict.get("hidden_title") or verdict.get("title") or "hidden tests"
        return [
            f"The tests that you can see pass, but hidden tests do not: {title}.",
            "They use other inputs than the tests that you see. Which of your assumptions does not always hold?",
        ]
    return [verdict["message"] or f"The check ended with: {status}."]


def _is_partial(verdict: Mapping[str, Any]) -> bool:
    return bool(verdict["points"] != verdict["max_points"])


def _mark(points: float, max_points: float) -> str:
    if points >= max_points:
        return "full"
    return "part" if points > 0 else "none"


_MARK_WORDS = {"full": "all points", "part": "some points", "none": "no points", "open": "not graded yet"}


def _overview(tasks: list[Task]) -> str:
    rows = "".join(
        f'<tr class="{task.mark}"><th scope="row"><a href="#task-{number}">{_e(task.title)}</a></th>'
        f"<td>{_MARK_WORDS[task.mark]}</td><td>{task.points:g} / {task.max_points:g}</td></tr>"
        for number, task in enumerate(tasks, 1)
    )
    head = '<thead><tr><th scope="col">Task</th><th scope="col">Result</th><th scope="col">Points</th></tr></thead>'
    caption = "<caption>Points by task</caption>"
    return f"<table>{caption}{head}<tbody>{rows}</tbody></table>" if tasks else ""


def _section(number: int, task: Task) -> str:
    words = "".join(f'<p class="words">{_e(text)}</p>' for text in task.words)
    if task.mark == "full" and not task.words:
        words = "<p>Everything that was checked here is right.</p>"
    shown = f"<details><summary>The tests that you can see</summary>{_code(task.shown)}</details>" if task.shown else ""
    return (
        f'<section class="{task.mark}" id="task-{number}"><h2>{_e(task.title)}</h2>'
        f'<p class="mark">{_MARK_WORDS[task.mark]}: {task.points:g} of {task.max_points:g}</p>{words}{shown}</section>'
    )


def _answers(document: Mapping[str, Any], states: Mapping[str, CellState]) -> str:
    """What the student wrote, as text, with what it printed."""
    shown: list[str] = []
    for cell in document["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        is_theirs = marks.get("solution") or cell["id"].startswith("extra-")
        if not is_theirs or not cell["source"].strip():
            continue
        state = states.get(marks.get("grade_id", ""))
        comment = f'<p class="words">{_e(state.comment)}</p>' if state and state.comment else ""
        shown.append(_code(cell["source"]) + _outputs(cell.get("outputs", [])) + comment)
    return f"<section><h2>Your answers, as graded</h2>{''.join(shown)}</section>" if shown else ""


def _outputs(outputs: list[Mapping[str, Any]]) -> str:
    texts = []
    for output in outputs:
        if output["output_type"] == "stream":
            texts.append(str(output["text"]))
        elif output["output_type"] == "error":
            texts.append(f"{output['ename']}: {output['evalue']}")
    text = "\n".join(texts).strip()
    return f'<div class="output"><p>It printed:</p>{_code(text)}</div>' if text else ""


def _notes(record: Mapping[str, Any]) -> str:
    """Repairs, remarks, and how the code was run."""
    repairs = [*record.get("repairs", ()), *record.get("remarks", ())]
    listed = "".join(f"<li>{_e(words)}</li>" for words in repairs)
    about = f"<h2>What was put right before grading</h2><ul>{listed}</ul>" if listed else ""
    attempt = f"<p>Graded: attempt {_e(record['attempt'])}.</p>" if record.get("attempt") else ""
    ran = f"<p>Your code ran confined by: {_e(record['confinement'])}.</p>" if record.get("confinement") else ""
    return f"<footer>{about}{attempt}{ran}</footer>"


def _pending(tasks: list[Task]) -> str:
    left = sum(task.max_points for task in tasks if task.mark == "open")
    return f" so far; {left:g} more are still to be given by a person" if left else ""


def _late(penalty: float, earned: float) -> str:
    return f"<p>Handed in late: {penalty:g} of {earned:g} points were taken off.</p>" if penalty else ""


def _manual_title(cell: Mapping[str, Any]) -> str:
    return first_comment(cell["source"]) if cell["cell_type"] == "code" else ""


def _visible(cell: Mapping[str, Any]) -> str:
    try:
        return split_hidden(cell["source"])[0]
    except ValueError:
        return ""


def _code(text: str) -> str:
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "\n… (shortened)"
    return f'<pre tabindex="0"><code>{_e(cut)}</code></pre>'


def _e(text: object) -> str:
    """Escaped text; control characters go, and those that turn the reading direction are shown."""
    plain = _CONTROL.sub("", str(text))
    return html.escape(_BIDIRECTIONAL.sub(lambda match: f"\\u{ord(match[0]):04x}", plain), quote=True)
