"""Verbs of settlement, split by noun; those that others call by the app's name stand here."""

from .hedges import owe_lp
from .nostros import book_of, create_nostro
from .obligations import owe

__all__ = ["book_of", "create_nostro", "owe", "owe_lp"]
