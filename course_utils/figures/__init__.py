"""Pictures, drawings and interactive figures: one module a chapter, on a small base.

The base: ``plots`` (style, ``Picture``, axes, curves), ``tokens`` (tokens and words as
several chapters draw them) and ``interactive`` (a picture under controls). A chapter's
module has the name of the component that it draws. None loads the others, and nothing
else in the package imports matplotlib and ipywidgets to draw.
"""
