"""Everything that `book/teaching.md` tells an instructor to do is done here, in its order, in a temporary course."""

import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from grading.classes import grades

from cnncourse.grading.source import split_hidden

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "teaching.md").read_text()
TOPIC = "stride_arithmetic"
STEP = re.compile(
    r"^% hook: (?P<hook>.+?)$"
    r"|^```(?P<kind>bash|text)\n(?P<block>.*?)^```$"
    r"|^```\{code-block\} python\n:caption: nbgrader_config.py\n(?P<config>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MAKEFILE = f"exercises:\n\t{sys.executable} tools/exercises.py\n"  # without the set-up of the environment


class Teaching:
    """The course of the page, and what happens to it between the commands."""

    def __init__(self, root):
        self.root = root
        for tree in ("solutions", "exercises"):
            shutil.copytree(ROOT / tree / TOPIC, root / tree / TOPIC)
        shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "nbgrader_config.py", root)
        (root / "Makefile").write_text(MAKEFILE)
        paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": os.pathsep.join(paths)}
        self.said = ""
        self.done = []

    def do(self, step):
        """One command, setting, expectation or event of the page."""
        if step["hook"]:
            getattr(self, step["hook"].replace(" ", "_"))()
        elif step["config"]:
            text = (self.root / "nbgrader_config.py").read_text()
            assert "\nconfigure(c)\n" in text
            (self.root / "nbgrader_config.py").write_text(text.replace("\nconfigure(c)\n", "\n" + step["config"]))
        elif step["kind"] == "text":
            for line in step["block"].splitlines():
                shown = line.removesuffix(" …")
                assert any(line.startswith(shown) for line in self.report), (shown, self.report)
        elif "jupyter lab" in step["block"]:
            self.jupyter = step["block"].strip()  # started by the next event
        else:
            self.run(step["block"])

    @property
    def report(self):
        return (self.root / "grading" / TOPIC / "report.txt").read_text().splitlines()

    def run(self, commands):
        with (self.root / "log").open("w+") as log:
            script = ["bash", "-euo", "pipefail", "-c", commands]
            settings = {"cwd": self.root, "env": self.environment, "stdout": log, "stderr": log}
            process = subprocess.Popen(script, start_new_session=True, **settings)
            try:
                status = process.wait(400)
            finally:
                end_group(process.pid)
            log.seek(0)
            self.said = log.read()
        assert status == 0, f"{commands}\n{self.said[-4000:]}"
        self.done.append(commands)

    def notebook(self, tree="exercises"):
        record = json.loads((self.root / tree / TOPIC / f"{TOPIC}.ipynb").read_text())
        for cell in record["cells"]:
            cell["source"] = "".join(cell["source"])
        return record

    def answered(self, *left_out):
        """A full answer, but for some cells."""
        solved = {cell["id"]: cell["source"] for cell in self.notebook("solutions")["cells"]}
        record = self.notebook()
        for cell in record["cells"]:
            if cell["metadata"]["nbgrader"]["solution"] and cell["id"] not in left_out:
                cell["source"] = solved[cell["id"]] + ("\n# mine" if cell["cell_type"] == "code" else "\n\nI think.")
        return record

    def submit(self, student, content, name=f"{TOPIC}.ipynb", timestamp="2026-05-04 17:00:00 UTC"):
        folder = self.root / "submitted" / student / TOPIC
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        (folder / "timestamp.txt").write_text(timestamp)

    # what happens between the commands

    def hand_in(self):
        self.submit("ana", self.answered())
        self.submit("bob", self.answered("alexnet_inputs"), timestamp="2026-05-05 09:00:00 UTC")
        self.submit("cem", self.notebook())
        self.submit("dot", "not a notebook")
        broken = self.answered()
        broken["cells"] = [cell for cell in broken["cells"] if cell["id"] != "twin-error"]
        self.submit("eva", broken, name=f"{TOPIC} (1).ipynb")

    def review(self):
        """A person grades in formgrader: its pages open, and its requests reach the gradebook."""
        port = free_port()
        command = f"exec {self.jupyter} --no-browser --allow-root --ServerApp.port={port} --IdentityProvider.token=t"
        log = (self.root / "jupyter.log").open("w")
        settings = {"cwd": self.root, "env": self.environment, "stdout": log, "stderr": log}
        server = subprocess.Popen(["bash", "-c", command], start_new_session=True, **settings)
        try:
            ask = asking(f"http://127.0.0.1:{port}")
            wait_for(lambda: ask("/api/status"), "JupyterLab")
            assert "nbgrader formgrade" in ask("/formgrader/manage_assignments")
            (assignment,) = json.loads(ask("/formgrader/api/assignments"))
            assert assignment["num_submissions"] == 5
            submissions = json.loads(ask(f"/formgrader/api/notebooks/{TOPIC}"))
            assert submissions
            (ana,) = [
                row
                for row in json.loads(ask(f"/formgrader/api/submitted_notebooks/{TOPIC}/{TOPIC}"))
                if row["student"] == "ana"
            ]
            assert "does-it-matter" in ask(f"/formgrader/submissions/{ana['id']}/")
            rows = json.loads(ask(f"/formgrader/api/grades?submission_id={ana['id']}"))
            grade = next(row for row in rows if row["name"] == "does-it-matter")
            ask(f"/formgrader/api/grade/{grade['id']}", {**grade, "manual_score": 2.5})
        finally:
            end_group(server.pid)
            server.wait(30)
            log.close()

    def edit_source(self, change):
        path = self.root / "solutions" / TOPIC / f"{TOPIC}.ipynb"
        record = json.loads(path.read_text())
        change(record["cells"])
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")

    def mend_a_test(self):
        def mend(cells):
            cell = next(cell for cell in cells if cell["id"] == "suspects-list")
            cell["source"] = "".join(cell["source"])
            cell["source"] += "\n# mended"

        self.edit_source(mend)

    def add_a_test(self):
        def add(cells):
            place = next(number for number, cell in enumerate(cells) if cell["id"] == "suspects-list")
            marks = {**cells[place]["metadata"]["nbgrader"], "grade_id": "suspects-none", "points": 1}
            source = "# Task 3c: nobody\nexpect_equal(suspects([(7, 99)], 3), [], 'suspects([(7, 99)], 3)')"
            cells.insert(
                place + 1, {**cells[place], "id": "suspects-none", "metadata": {"nbgrader": marks}, "source": source}
            )

        self.edit_source(add)

    def second_attempt(self):
        (self.root / "submitted" / "eva" / TOPIC / f"{TOPIC} (1).ipynb").unlink()
        self.submit("eva", self.notebook(), timestamp="2026-05-04 17:30:00 UTC")


def asking(base):
    """A function that gets, or puts JSON, as an instructor's browser does."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def ask(path, record=None):
        headers = {"Authorization": "token t", "Content-Type": "application/json"}
        body = None if record is None else json.dumps(record).encode()
        request = urllib.request.Request(base + path, body, headers, method="GET" if body is None else "PUT")
        with opener.open(request, timeout=60) as answer:
            return answer.read().decode()

    return ask


def wait_for(question, what):
    end = time.monotonic() + 120
    while True:
        try:
            return question()
        except OSError:
            assert time.monotonic() < end, f"{what} did not start"
            time.sleep(0.3)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def end_group(group):
    """End what a command left running in the background, by the group that it was started in."""
    for strength in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, strength)
        except ProcessLookupError:
            return
        time.sleep(1)


def hidden_lines(root):
    """Lines of hidden tests that stand nowhere else and are long enough to tell something."""
    record = json.loads((root / "solutions" / TOPIC / f"{TOPIC}.ipynb").read_text())
    parts = [split_hidden("".join(cell["source"])) for cell in record["cells"]]
    shown = "\n".join(visible for visible, _ in parts)
    lines = {line.strip() for _, hidden in parts for line in hidden.splitlines() if "# hidden:" not in line}
    return [line for line in lines if len(line) > 30 and line not in shown]


@pytest.mark.nbgrader
def test_everything_on_the_page_works(tmp_path):
    course = Teaching(tmp_path)
    for step in STEP.finditer(PAGE):
        course.do(step)
        if step["block"] and "report.txt" in step["block"]:
            assert len([line for line in course.report if line.startswith("  ")]) == 5
    scores = {(row[1], row[5]): row[7:10] for row in grades(tmp_path) if len(row) == 10}
    assert scores["ana", "suspects-none"][0] == 1
    assert scores["ana", "does-it-matter"][1] == 2.5, "what a person gave stays"
    assert (tmp_path / "canvas.csv").read_text().count("\n") == 7
    for page in tmp_path.glob("feedback/*/*/*.html"):
        text = html.unescape(page.read_text())
        assert [line for line in hidden_lines(tmp_path) if line in text] == []
    assert len(course.done) >= 12


def test_the_page_names_the_commands_of_the_makefile_and_no_others():
    makefile = (ROOT / "Makefile").read_text()
    for verb in set(re.findall(r"`make ([a-z]+)", PAGE)):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb
    assert "-m cnncourse.grading autograde $(ASSIGNMENT)" in makefile


def test_the_example_check_on_the_page_is_right():
    from cnncourse.grading import feedback

    cell = next(
        c
        for c in json.loads((ROOT / "solutions" / TOPIC / f"{TOPIC}.ipynb").read_text())["cells"]
        if c["id"] == "suspects"
    )
    example = re.search(r"\{code-block\} python\n(# Task 3a.*?)```", PAGE, re.DOTALL)[1]
    names = vars(feedback).copy()
    exec("".join(cell["source"]), names)
    exec(example, names)


def test_the_page_states_the_default_options():
    from cnncourse.grading.cli import _parser

    text = _parser().format_help() + "".join(
        action.choices[name].format_help() for action in _parser()._subparsers._group_actions for name in action.choices
    )
    for option in set(re.findall(r"(--(?:force|student|scheduler|allow-unsafe|to|output))\b", PAGE)):
        assert option in text
