"""What every act shares: the hash that tells one request from another."""

import hashlib

import pytest

from services.acts import hash_of


def test_a_request_is_known_by_the_hash_of_its_json() -> None:
    written = b'{"act": "PREFER", "reason": ["\\u00e9", null]}'
    assert hash_of({"reason": ["é", None], "act": "PREFER"}) == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("other", [["A", "B"], ["A", True, None], ["A", "1"], ["A", 2], {"A": 1}])
def test_another_request_has_another_hash(other: object) -> None:
    assert hash_of(other) != hash_of(["A", 1])
