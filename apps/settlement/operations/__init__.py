"""Verbs of settlement, split by noun; the two that others call by the app's name stand here."""

from .nostros import create_nostro, fund_nostro
from .obligations import owe

__all__ = ["create_nostro", "fund_nostro", "owe"]
