"""Grading for teachers: submissions in, a table of grades out."""
