"""A disk that fills up in the middle of a file, without a disk.

Belongs here: limits on what this process may write. Does not belong here: small file systems, which need root.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_longer_than(limit_bytes: int) -> Iterator[None]:
    """Refuse to write beyond a length: what was written up to there stays, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
