"""Pictures, drawings and interactive figures: one module a chapter, on a small base.

The base, from the ground up: ``numbers`` (what a picture tells a checker), ``plots``
(style, ``Picture``, axes and curves by matplotlib), ``shapes`` (as SVG and as PNG),
``drawing`` (boxes and arrows), ``charts`` (what follows the finger), ``tokens`` (texts
as several chapters draw them), ``interactive`` (a picture under controls). A chapter's
module has the name of the component that it draws. None loads the others, and nothing
else in the package imports matplotlib and ipywidgets to draw.
"""
