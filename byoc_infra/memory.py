"""How often this process looks for garbage that reference counting leaves."""

import gc

__all__ = ["collect_rarely"]

OBJECTS = 200_000
"""New ones between two looks at the youngest; CPython's own choice is 700."""
ROUNDS = 50


def collect_rarely() -> None:
    """Look through the objects less often, for the life of this process.

    A program calls it before its imports: they make half a million objects that all stay, and to
    look through these again and again is a tenth of what a start costs.
    """
    gc.set_threshold(OBJECTS, ROUNDS, ROUNDS)
