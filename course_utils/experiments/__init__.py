"""Experiments: what was measured for a page, and how to measure it again."""
