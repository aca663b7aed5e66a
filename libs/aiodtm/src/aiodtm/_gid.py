"""Names of transactions."""

import re
import secrets

from aiodtm._errors import InvalidTransaction

# DTM pastes a gid into SQL and into Redis keys: nothing but harmless characters. Its own NewGid mixes upper
# and lower case.
_GID = re.compile(r"[0-9A-Za-z_-]{1,128}")
_SUFFIX = re.compile(r"[0-9a-z-]*")
MOST_SUFFIX = 101  # characters: DTM's gid columns take 128


def random_gid(suffix: str = "") -> str:
    """A new gid: 26 random characters (130 bits), then "-" and `suffix` ([0-9a-z-], at most 101 characters).

    Random first: ids that begin with the time gather all inserts, and their locks, in one page of the
    barrier's index.
    """
    if not _SUFFIX.fullmatch(suffix) or len(suffix) > MOST_SUFFIX:
        raise InvalidTransaction(f"a gid's suffix is at most {MOST_SUFFIX} of [0-9a-z-], not {suffix!r}")
    number = secrets.randbits(130)
    letters = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 130, 5))
    return f"{letters}-{suffix}" if suffix else letters


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def checked_gid(gid: str) -> str:
    """Returns `gid`, or raises InvalidTransaction when it is not 1 to 128 of [0-9A-Za-z_-]."""
    if not _GID.fullmatch(gid):
        raise InvalidTransaction(f"a gid is 1 to 128 of [0-9A-Za-z_-], not {gid!r}")
    return gid
