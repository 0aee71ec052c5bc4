"""A real JupyterLab over a workspace of `make lab`, on 127.0.0.1."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from notebooks import update_workspace

SECONDS_TO_START = 120
TIMES_TO_ASK = 6
# Every cell stays in the page, also far below, so that a test can see it; no question about news lies over it.
SETTINGS = {
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false"},
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, server, log):
    for _ in range(SECONDS_TO_START):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise TimeoutError(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Address (with its token) of a JupyterLab whose folder was filled as `make lab` fills it."""
    folder = tmp_path_factory.mktemp("lab")
    update_workspace(folder / "work")
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    for plugin, values in SETTINGS.items():
        path = settings / plugin
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    port, token, log = free_port(), secrets.token_hex(8), folder / "log.txt"
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "IdentityProvider.token": token}
    command = [str(Path(sys.executable).with_name("jupyter-lab")), "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data")}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environment.get("PYTHONPATH", "")])
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=folder / "work", env=environment, stdout=out, stderr=out)
        try:
            wait_for(f"http://127.0.0.1:{port}/lab?token={token}", server, log)
            yield f"http://127.0.0.1:{port}/lab", token
        finally:
            server.terminate()
            server.wait(30)


class Notebook:
    """One notebook, opened alone in a page of JupyterLab."""

    def __init__(self, page):
        self.page = page

    def run_all(self):
        """Run every cell and wait until none is running."""
        for _ in range(TIMES_TO_ASK):
            self.command("Run", "Run All Cells")
            if self.begins():
                break
        quiet, deadline = 0, time.monotonic() + 240
        while quiet < 4 and time.monotonic() < deadline:
            self.page.wait_for_timeout(500)
            quiet = quiet + 1 if not any("*" in text for text in self.prompts()) else 0
        assert quiet >= 4, f"a cell is still running: {self.prompts()}"
        assert any(re.match(r"\[\d+\]", text) for text in self.prompts()), f"no cell ran:\n{self.said()}"

    def begins(self):
        """Whether a cell shows within ten seconds that it runs; a busy machine's menu may swallow the click."""
        for _ in range(20):
            if any(text != "[ ]:" for text in self.prompts()):
                return True
            self.page.wait_for_timeout(500)
        return False

    def prompts(self):
        """The prompt of each code cell, such as [ ]: or [*]: or [3]:."""
        return self.page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()

    def said(self):
        """What JupyterLab says outside the cells: dialogs, open menus, the status of the kernel."""
        places = self.page.locator(".jp-Dialog, .lm-Menu, #jp-bottom-panel, .jp-Notification-Toast")
        return "\n".join(places.all_inner_texts())

    def command(self, menu, item):
        """Choose an item of a menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def errors(self):
        """Texts of all outputs that are tracebacks."""
        outputs = self.page.locator(".jp-OutputArea-output").filter(has_text="Traceback (most recent call last)")
        return outputs.all_inner_texts()


@pytest.fixture
def open_notebook(browser, lab):
    """A function that opens a notebook of the workspace."""
    address, token = lab
    context = browser.new_context(viewport={"width": 1280, "height": 6000})
    context.set_default_timeout(60_000)

    def open_notebook(name):
        page = context.new_page()
        page.goto(f"{address}/tree/{name}?token={token}&reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        page.get_by_text("Kernel status: Idle").first.wait_for(state="attached")
        return Notebook(page)

    yield open_notebook
    context.close()
