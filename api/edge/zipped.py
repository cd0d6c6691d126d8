"""A long answer under a short head: the long part zipped once, the head written anew for everyone who asks.

Belongs here: one gzip stream of two parts. Does not belong here: what is in them.
"""

import zlib
from dataclasses import dataclass
from struct import pack
from typing import Self

LEVEL = 5  # 6 takes twice the time for half a percent
MEMORY = 6  # of 1 to 9: short blocks, so that columns that differ have codes of their own; 8 makes a board 1.5 % larger
RAW = -zlib.MAX_WBITS
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # deflate, no name, no time, no system


@dataclass(frozen=True, slots=True)
class Zipped:
    """The long part: as it is, for the checksum, and as the end of a deflate stream."""

    content: bytes
    stream: bytes

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Zip the long part."""
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW, MEMORY)
        return cls(content, deflate.compress(content) + deflate.flush())

    def under(self, head: bytes) -> bytes:
        """Return one gzip file of the head and the long part."""
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW, MEMORY)
        first = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
        checksum = zlib.crc32(self.content, zlib.crc32(head))
        size = (len(head) + len(self.content)) & 0xFFFFFFFF
        return GZIP_HEAD + first + self.stream + pack("<II", checksum, size)
