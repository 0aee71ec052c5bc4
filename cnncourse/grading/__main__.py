"""`python -m cnncourse.grading autograde <assignment>`."""

import sys

from cnncourse.grading.cli import main

if __name__ == "__main__":
    sys.exit(main())
