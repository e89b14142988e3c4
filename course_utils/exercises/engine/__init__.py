"""The engine of the exercises: what one is, how it is checked, kept and shown.

It knows no chapter: which exercises there are is handed in as a ``Catalogue``.
"""
