"""When two e-mail addresses are the same: letter case aside, and nothing else."""


def folded(email: str) -> str:
    """The address without letter case: Unicode's simple case folding, one letter for one, the same on every server.

    Accents, emoji and ß stay what they are. Python's `casefold` alone would make ß the same as ss.
    """
    return "".join(map(_folded, email))


def _folded(letter: str) -> str:
    return next((found for found in (letter.casefold(), letter.lower()) if len(found) == 1), letter)
