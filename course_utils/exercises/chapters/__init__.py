"""The exercises themselves: a package a chapter, a module an exercise and its mistakes.

Content only, found by the chapter's name (``engine.catalogue``) and loaded when it is
asked for: cheap to import, so what needs transformers or matplotlib imports it inside
the function that needs it.
"""
