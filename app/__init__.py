"""Huiying: every promise of a service SOP is a deadline with an owner, a clock and a verdict.

The package is laid out as nouns that own tables and loose files that are plumbing; each module says
in its own docstring what it holds. Nothing lives here, so that importing a part costs only that part.
"""
