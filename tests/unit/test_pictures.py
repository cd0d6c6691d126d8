"""Pictures of screens, read back by a reader of its own: exact where colours are few, true where they are many."""

import struct
import zlib

import numpy as np
import pytest

from bench.pictures import COLOURS, Pixels, png

GREEN = (45, 189, 133)


def read(picture: bytes) -> Pixels:
    """Read a PNG of indexed colours whose lines are not filtered."""
    chunks, at = {}, 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", picture[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour, chunks[b"IEND"]) == (8, 3, b"")
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    assert len(palette) <= COLOURS
    return palette[lines[:, 1:]]


def test_a_picture_of_few_colours_is_exact() -> None:
    colours = np.array([(7, 9, 13), (219, 227, 236), GREEN, (246, 70, 93)], np.uint8)
    pixels = colours[np.random.default_rng(1).integers(0, len(colours), (31, 17))]
    assert (read(png(pixels)) == pixels).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_small_lamp_keeps_its_colour_among_a_thousand_greys(seed: int) -> None:
    chance = np.random.default_rng(seed)
    pixels = (chance.integers(0, 200, (90, 160, 1)) + chance.integers(-9, 10, (90, 160, 3))).clip(0, 255)
    pixels = pixels.astype(np.uint8)
    pixels[40:43, 80:83] = GREEN
    shown = read(png(pixels))
    assert np.abs(shown[41, 81].astype(int) - GREEN).max() <= 8
    assert np.abs(shown.astype(int) - pixels).mean() < 8
