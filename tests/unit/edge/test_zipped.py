"""One gzip file of two parts, read by an independent reader."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from api.edge.zipped import Zipped

parts = st.binary(max_size=2_000) | st.binary(max_size=40).map(lambda some: some * 3_000)


@given(content=parts, heads=st.lists(parts, min_size=1, max_size=3))
def test_a_reader_finds_each_head_and_then_the_long_part(content: bytes, heads: list[bytes]) -> None:
    zipped = Zipped.of(content)
    for head in heads:
        assert gzip.decompress(zipped.under(head)) == head + content
