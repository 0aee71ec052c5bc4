"""Find Chromium for the browser tests, or install Debian's package where that is possible."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = """Chromium was not found, and the browser tests need it. Get it in one of these ways:
  Debian, Ubuntu:  sudo apt-get install chromium
  Fedora:          sudo dnf install chromium
  macOS:           brew install --cask chromium
or set CHROMIUM=/path/to/the/executable."""


def find_chromium() -> str | None:
    """Path of the executable: the one that `CHROMIUM` names, or the first on the PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install_chromium() -> None:
    """Install the Debian package, directly as root or through a sudo that asks for no password."""
    if not shutil.which("apt-get"):
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and not shutil.which("sudo"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        command = [*prefix, "apt-get", *arguments]
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print where Chromium is; with --install, get it first if need be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true")
    if parser.parse_args().install and not find_chromium():
        print("installing Chromium …", flush=True)
        install_chromium()
    path = find_chromium()
    if path is None:
        sys.exit(ADVICE)
    print(f"Chromium: {path}")


if __name__ == "__main__":
    main()
