"""A concept inventory: multiple choice whose wrong options are known mistakes.

Taken before and after the course it tells a class, concept by concept, what was learnt
and which mistakes are left. ``python -m course_utils.exercises quiz --help``.
"""
