"""Settings of every test: properties have no time limit, and CI tries the same examples each time."""

import os

from hypothesis import settings

settings.register_profile("course", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("course")
