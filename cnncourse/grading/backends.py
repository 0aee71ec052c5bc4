"""Where jobs run: in this machine's sandbox, or on the workers of a Dask cluster. Both are one blocking function.

A job goes out as JSON and its outcome comes back as JSON; only the caller touches files and gradebook.
"""

from __future__ import annotations

import atexit
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cnncourse.grading.job import Job, Outcome

if TYPE_CHECKING:
    from cnncourse.grading.engine import Engine

_RETRIES = 4  # of a task whose worker died


class Backend(Protocol):
    """Something that grades jobs, several at once if several threads ask."""

    workers: int

    def grade(self, job: Job) -> Outcome:
        """Grade a job; blocks until the outcome is there."""
        ...

    def close(self) -> None:
        """Give back what was started."""
        ...


class LocalBackend:
    """The engine of this machine, started when the first job comes, or at once in the background if it is `eager`."""

    def __init__(
        self,
        workers: int | None = None,
        *,
        allow_unsafe: bool = False,
        confinement: str | None = None,
        eager: bool = False,
    ) -> None:
        self.workers = workers or processors()
        self._options = {"allow_unsafe": allow_unsafe, "confinement": confinement}
        self._starter = ThreadPoolExecutor(1)
        self._engine: Future[Engine] | None = None
        self._lock = threading.Lock()
        if eager:
            self._start()

    def grade(self, job: Job) -> Outcome:
        """Grade a job in a fresh sandbox.

        Raises
        ------
        cnncourse.grading.confinement.ConfinementError
            If this machine cannot confine student code and `allow_unsafe` was not given.
        """
        return self._start().result().grade(job)

    def close(self) -> None:
        """End the fork server."""
        self._starter.shutdown()
        if self._engine is not None and self._engine.exception() is None:
            self._engine.result().close()

    def _start(self) -> Future[Engine]:
        with self._lock:
            if self._engine is None:
                self._engine = self._starter.submit(start_engine, self._options)
            return self._engine


def start_engine(options: dict[str, Any]) -> Engine:
    """An engine whose sandboxes may read the course's data."""
    from cnncourse.grading.engine import Engine

    data = os.environ.get("CNNCOURSE_DATA", "")
    return Engine(**options, data=data if Path(data).is_dir() and data else None)


class DaskBackend:
    """The workers of a Dask cluster, each with an engine of its own; a job whose worker dies goes to another.

    Parameters
    ----------
    scheduler
        Its address, for example ``tcp://127.0.0.1:8786``.
    workers
        How many jobs are handed out at once; None: two for each thread of the cluster.

    Raises
    ------
    OSError
        If no scheduler answers there.
    """

    def __init__(
        self,
        scheduler: str,
        workers: int | None = None,
        *,
        allow_unsafe: bool = False,
        confinement: str | None = None,
        salt: str = "",
        timeout: str = "20s",
    ) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise OSError("--scheduler needs Dask; install it with: pip install distributed") from error
        try:
            self._client: Any = Client(scheduler, timeout=timeout, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise OSError(f"no scheduler answers at {scheduler}: {error}") from error
        threads = sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())
        self.workers = workers or max(2, 2 * threads)
        self._options = {"allow_unsafe": allow_unsafe, "confinement": confinement}
        self._salt = salt

    def grade(self, job: Job) -> Outcome:
        """Grade a job on some worker."""
        future = self._client.submit(
            grade_on_worker, job.to_json(), self._options, key=f"grade-{job.key()}{self._salt}", retries=_RETRIES
        )
        return Outcome.from_json(future.result())

    def close(self) -> None:
        """Leave the cluster running, and its scheduler."""
        self._client.close()


_engine: Engine | None = None
_engine_lock = threading.Lock()


def grade_on_worker(job: str, options: dict[str, Any]) -> str:
    """What a Dask worker runs: JSON in, JSON out, with one engine per worker process."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = start_engine(options)
            atexit.register(_engine.close)
    return _engine.grade(Job.from_json(job)).to_json()


def processors() -> int:
    """How many processors this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
