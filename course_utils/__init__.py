"""The tested components of the course: GPT-2 built from nothing, one idea a module.

Importing this package is cheap. Import the module you need, for example
``from course_utils.attention import CausalSelfAttention``; matplotlib, ipywidgets and
transformers are loaded only by the few modules that need them.
"""

__version__ = "0.1.0"
