"""Judges of what happened: from a trace alone, with sets and lists instead of vectors and exchanges.

Imports nothing else of the package, so that a bug there can't hide a bug here.
"""
