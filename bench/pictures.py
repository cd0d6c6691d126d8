"""Small PNG files of screens: at most 256 colours, written with nothing but zlib.

Belongs here: choosing colours, the file. Does not belong here: taking the picture (`screens.py`).
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

COLOURS = 256
BITS = 5  # of each channel tell a colour from another
SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3
Pixels = NDArray[np.uint8]


def png(pixels: Pixels) -> bytes:
    """Return a PNG of at most 256 colours, no pixel far from its own.

    Args:
        pixels: Red, green and blue, 0-255, shape (height, width, 3).
    """
    height, width, _ = pixels.shape
    palette, places = quantised(pixels)
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = places
    header = struct.pack(">IIBBBBB", width, height, 8, INDEXED, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(lines.tobytes(), 9)))
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in (*parts, (b"IEND", b"")))


def quantised(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Return a palette, shape (at most 256, 3), and the place in it of every pixel, shape (height, width).

    Colours that agree in their first bits are one. Half of the palette are the most frequent of these; the other half
    are, one by one, those farthest from all that are in it, so that a small green lamp stays green.
    """
    wide = pixels.astype(np.int64)
    codes = np.zeros(pixels.shape[:2], np.int64)
    for channel in range(3):
        codes = (codes << BITS) | (wide[..., channel] >> (8 - BITS))
    _, back, counts = np.unique(codes.ravel(), return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(back, weights=wide[..., channel].ravel()) for channel in range(3)], axis=1)
    means = sums / counts[:, None]
    kept = _kept(means, np.argsort(-counts, kind="stable"))
    nearest = np.array([((means[kept] - mean) ** 2).sum(axis=1).argmin() for mean in means])
    return means[kept].round().astype(np.uint8), nearest[back].reshape(codes.shape).astype(np.uint8)


def _kept(means: NDArray[np.float64], by_count: NDArray[np.int64]) -> list[int]:
    kept = [int(place) for place in by_count[: COLOURS // 2]]
    far = np.full(len(means), np.inf)
    for place in kept:
        far = np.minimum(far, ((means - means[place]) ** 2).sum(axis=1))
    while len(kept) < COLOURS and far.max() > 0:
        kept.append(int(far.argmax()))
        far = np.minimum(far, ((means - means[kept[-1]]) ** 2).sum(axis=1))
    return kept


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
