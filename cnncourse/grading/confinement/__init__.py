"""Confinement of student code: a ladder of levels, each proved by a probe before anything runs in it.

``namespaces`` (own processes, network, files) → ``landlock`` (files and network by rules) → ``unsafe`` (limits only).
"""

from cnncourse.grading.confinement.ladder import LEVELS, Confinement, covered_folders, visible_folders
from cnncourse.grading.confinement.system import ConfinementError

__all__ = ["LEVELS", "Confinement", "ConfinementError", "covered_folders", "visible_folders"]
