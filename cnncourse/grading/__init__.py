"""Grading: what tells a student at once whether an answer is right."""
