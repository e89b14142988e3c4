"""The course to be read without Jupyter: saved pages, and the web edition.

``saved_page`` and ``templates/course`` turn one notebook into one HTML file that needs
nothing beside it; ``build`` makes the web edition, whose figures are alive without a
kernel. Nothing here runs a cell: what is read is what the notebooks store.
"""
