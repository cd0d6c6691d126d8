"""Places in a list, as a caller may hand them back: none of a caller's making is an error of the server."""

import base64

import pytest

from tests.harness.client import Client


def refused(client: Client, sort: str, spoken: str) -> bool:
    cursor = base64.urlsafe_b64encode(spoken.replace("SORT", sort).encode()).decode().rstrip("=")
    answer = client.get(f"/api/bots?sort={sort}&cursor={cursor}")
    return (answer.status_code, answer.json().get("code")) == (422, "BAD_CURSOR")


@pytest.mark.parametrize("sort", ["name", "activity", "stage", "netPnl"])
@pytest.mark.parametrize(
    "spoken",
    [
        *("5", "null", "[", "{}", "[1,2,3]", "not json", '["SORT",true,1,"x"]', '["SORT",false,"a\\u0000","x"]'),
        *('["SORT",false,"\\ud800","x"]', '["SORT",false,"a","\\ud800"]', '["SORT",false,1,"\\u0000"]'),
        *('["SORT",false,true,"x"]', '["SORT",false,null,"x"]', '["SORT",false,[1],"x"]', '["SORT",false,1,2]'),
    ],
)
def test_a_cursor_of_another_list_is_refused(client: Client, sort: str, spoken: str) -> None:
    assert refused(client, sort, spoken)


@pytest.mark.parametrize("key", ["99999999999999999999", "1e999", "NaN", "1.5"])
@pytest.mark.parametrize("sort", ["activity", "stage"])
def test_a_rank_no_bot_can_have_is_refused(client: Client, sort: str, key: str) -> None:
    assert refused(client, sort, f'["SORT",false,{key},"x"]')


@pytest.mark.parametrize("path", ["/api/bots", "/api/jobs/ended", "/api/iterations"])
@pytest.mark.parametrize("cursor", ["A", "_____", "MjAyNi0wMS0wMXxh"])
def test_every_list_refuses_a_cursor_that_none_made_in_the_same_words(client: Client, path: str, cursor: str) -> None:
    answer = client.get(f"{path}?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_CURSOR")
    assert answer.json()["detail"] == f"the cursor was not made by this list, was '{cursor}'"
