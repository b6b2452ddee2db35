"""A weakly consistent replicated store after the Bayou papers (Terry '94, '95, Petersen '97)."""

__version__ = "0.1.0"
