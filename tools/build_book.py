"""Build the book: execute what changed, on every core, then make the website.

Jupyter Book executes one chapter after the other and forgets that the package behind a chapter may have
changed. So chapters are executed here first, in parallel, into the cache that the build then reads; the cache
is emptied when the package or the pinned versions changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
SITE = ROOT / "_build" / "html"
CACHE = ROOT / "_build" / ".jupyter_cache"
READ = ROOT / "_build" / ".doctrees"
SECONDS_PER_CHAPTER = 180


def chapters() -> list[Path]:
    """Every page of the table of contents that holds code cells, in reading order."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    pages = [BOOK / f"{name}.md" for name in names]
    return [page for page in pages if "```{code-cell}" in page.read_text(encoding="utf-8")]


def source_key() -> str:
    """Hash of all that can change a chapter's output besides its own cells."""
    digest = hashlib.sha256()
    files = [*(ROOT / "cnncourse").rglob("*.py"), ROOT / "requirements.txt", ROOT / "constraints.txt"]
    for path in sorted([*files, BOOK / "ledger.yml"]):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def drop_stale_cache() -> None:
    """Empty the cache of outputs, and what Sphinx has read of them, if they were made by other code."""
    stamp, key = CACHE / "made_by", source_key()
    if CACHE.exists() and (not stamp.exists() or stamp.read_text() != key):
        shutil.rmtree(CACHE)
        shutil.rmtree(READ, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)


def execute(pages: list[Path]) -> int:
    """Execute the pages that are not in the cache, one process per core; return how many were executed.

    Raises
    ------
    SystemExit
        If a cell fails; the traceback is printed.
    """
    from jupyter_cache import get_cache
    from jupyter_cache.executors import load_executor

    cache = get_cache(CACHE)
    known = {Path(record.uri) for record in cache.list_project_records()}
    for page in pages:
        if page not in known:
            cache.add_nb_to_project(str(page), read_data={"name": "myst_nb_md", "type": "plugin"})
    for gone in known - set(pages):
        cache.remove_nb_from_project(str(gone))
    result = load_executor("local-parallel", cache).run_and_cache(timeout=SECONDS_PER_CHAPTER)
    failed = [*result.errored, *result.excepted]
    for address in failed:
        record = cache.get_project_record(address)
        print(f"\n{address}\n{record.traceback or 'could not be executed'}", file=sys.stderr)
    if failed:
        raise SystemExit(f"{len(failed)} of {len(pages)} chapters failed")
    return len(result.succeeded)


def table_of_times(wall: float) -> str:
    """Seconds that each chapter took when it was executed, and how well the cores were used in `wall` seconds.

    A chapter's time is what its process took beside its neighbours; on a machine with free cores the sum of these
    times is what one core would need.
    """
    from jupyter_cache import get_cache

    cache = get_cache(CACHE)
    seconds = {}
    for record in cache.list_project_records():
        found = cache.get_cached_project_nb(record.uri)
        if found is not None and found.data.get("execution_seconds"):
            name = Path(record.uri).relative_to(BOOK).with_suffix("").as_posix()
            seconds[name] = float(found.data["execution_seconds"])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lines = [f"{time:7.1f} s  {name}" for name, time in sorted(seconds.items(), key=lambda item: -item[1])]
    total = sum(seconds.values())
    share = total / (wall * min(cores, len(seconds) or 1))
    return "\n".join([*lines, f"{total:7.1f} s  together, in {wall:.0f} s on {cores} cores: efficiency {share:.2f}"])


def build_site() -> None:
    """Run Jupyter Book with warnings as errors."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(BOOK), "-W", "-n", "--keep-going"]
    outcome = subprocess.run([*command, "--quiet"], cwd=ROOT, check=False)
    if outcome.returncode:
        raise SystemExit("the book has errors or warnings (above); they count as errors")


def check_pages(expected: int) -> int:
    """Count the pages built, because a build that silently drops pages also ends without error."""
    found = len([page for page in SITE.rglob("*.html") if "_static" not in page.parts])
    if found < expected:
        raise SystemExit(f"{found} pages were built, but the table of contents names {expected}")
    return found


def prepare_environment() -> None:
    """Set what the kernels inherit: one thread each, a fixed hash seed, and quiet kernels."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("PYTHONHASHSEED", "0")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    shared = ROOT.parent / "shared" / "data"
    if shared.is_dir():
        os.environ.setdefault("CNNCOURSE_DATA", str(shared))


def main() -> None:
    """Execute, build, and say where the site is."""
    began = time.monotonic()
    prepare_environment()
    drop_stale_cache()
    pages = chapters()
    executed = execute(pages)
    done = time.monotonic()
    print(
        f"{executed} of {len(pages)} chapters executed in {done - began:.0f} s, the others were cached",
        flush=True,
    )
    if executed == len(pages):
        print(table_of_times(done - began), flush=True)
    build_site()
    from notebooks import publish_notebooks

    published = publish_notebooks(SITE / "_sources")
    count = check_pages(len(pages))
    print(f"{count} pages and {published} notebooks in {time.monotonic() - began:.0f} s: {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
