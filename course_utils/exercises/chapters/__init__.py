"""The exercises themselves: one module or package a chapter, content only.

They are found by the chapter's name (``engine.catalogue``), and loaded one by one:
cheap to import, so what needs transformers or matplotlib imports it inside the function
that needs it.
"""
