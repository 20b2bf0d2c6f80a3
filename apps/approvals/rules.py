"""Whose signatures are still missing. No Django."""

from collections.abc import Collection, Sequence


def missing(slots: Sequence[Collection[str]], taken: Collection[int]) -> list[int]:
    """The signatures that nobody has given yet."""
    return [n for n in range(len(slots)) if n not in taken]


def find_slot(slots: Sequence[Collection[str]], taken: Collection[int], roles: Collection[str]) -> int | None:
    """The signature that somebody with these roles can give; of several the one that the fewest roles can. None: none."""
    fits = [n for n in missing(slots, taken) if set(slots[n]) & set(roles)]
    return min(fits, key=lambda n: (len(slots[n]), n)) if fits else None
