"""nbgrader's settings for this course: `nbgrader autograde <assignment>` in this folder reads them."""

c = get_config()

c.CourseDirectory.course_id = "cnncourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# nbgrader copies every other file of solutions/<topic>/ into the release
c.CourseDirectory.ignore = [".*", "__pycache__", "*.pyc", "*.py", "*.md", "*.txt", "*.html", "*.db", "feedback"]

c.ClearSolutions.code_stub = {"python": '# YOUR CODE HERE\nraise NotImplementedError("this task has no answer yet")'}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

c.ExecutePreprocessor.timeout = 60  # seconds per cell
c.ExecutePreprocessor.kernel_name = "python3"
c.ExecutePreprocessor.shutdown_kernel = "immediate"  # the default waits for half a second
c.LimitOutput.max_lines = 500

from cnncourse.grading.nbgrader_seam import configure  # noqa: E402

# Execution, repair and feedback are ours: see "Teaching with this course" for `late=` and `attempts=`
configure(c)
