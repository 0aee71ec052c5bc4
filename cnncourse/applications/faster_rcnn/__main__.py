"""`python -m cnncourse.applications.faster_rcnn` trains the network again.

Chapter: `applications/faster_rcnn`.
"""

from cnncourse.applications.faster_rcnn.train import main

if __name__ == "__main__":
    main()
