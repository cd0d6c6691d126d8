"""The page of the proof pack: what the command wrote, unchanged, printable; and what is said where there is none."""

import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import proof_packs
from gateways.proof_packs import BadPack, Exhibit, Pack
from gateways.settings import Settings
from tests.harness.client import Client
from tests.harness.full_disk import no_file_longer_than
from tests.harness.sheets import Sheet
from trading.errors import Unavailable

AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
EXHIBITS = [
    Exhibit("Reset, dry run", "POST /api/admin/reset-metrics {}", '{\n  "dryRun": true\n}'),
    Exhibit("What must always hold", "GET /api/_proof/invariants", '{\n  "holds": true\n}', holds=True),
    Exhibit("Autonomy enqueues", "GET /api/_proof/autonomy", "{}", holds=False),
    Exhibit("The same in SQL", "SELECT 1;\nSELECT 2;", " id | <b>bot</b>\n----+----\n(0 rows)", language="text"),
]


lines = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, blacklist_characters="\x7f\x85\xa0"), min_size=1)
plain = lines.map(str.strip).filter(bool)
unkind = st.sampled_from(["```", "````json", "``` ```", "## 1. Another", "# Proof pack, 2026 UTC", "`"])
quoted = st.lists(plain | unkind, min_size=1, max_size=5).map("\n".join)
languages, judgements = st.sampled_from(["json", "text"]), st.sampled_from([True, False, None])
exhibits = st.builds(Exhibit, plain, quoted, quoted, languages, judgements)


@given(st.lists(exhibits, max_size=5))
def test_a_pack_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, wanted: list[Exhibit]) -> None:
    folder = tmp_path_factory.mktemp("packs")
    path = proof_packs.write(wanted, folder=folder, at=AT)
    assert proof_packs.read(folder, path.stem) == Pack("proof-2026-03-02T15-04-05Z", AT, tuple(wanted))


def test_a_file_says_of_every_exhibit_whether_it_holds(tmp_path: Path) -> None:
    written = proof_packs.write(EXHIBITS, folder=tmp_path, at=AT).read_text("utf-8")
    judged = re.findall(r"^## \d+\. ([^\n]+)\n\n(.+)$", written, re.MULTILINE)
    assert judged == [
        ("Reset, dry run", "· quoted"),
        ("What must always hold", "✓ holds"),
        ("Autonomy enqueues", "✗ does not hold"),
        ("The same in SQL", "· quoted"),
    ]


def test_a_pack_of_before_there_were_judgements_is_still_read(tmp_path: Path) -> None:
    old = "# Proof pack, 2026-03-02 15:04:05 UTC\n\n## 1. Jobs\n\n```\nGET /\n```\n\n```json\n{}\n```\n"
    (tmp_path / "proof-2026-03-02T15-04-05Z.md").write_text(old, "utf-8")
    pack = proof_packs.read(tmp_path, "proof-2026-03-02T15-04-05Z")
    assert pack is not None
    assert pack.exhibits == (Exhibit("Jobs", "GET /", "{}"),)


def test_a_judgement_is_none_of_another_kind(tmp_path: Path) -> None:
    path = proof_packs.write(EXHIBITS, folder=tmp_path, at=AT)
    path.write_text(path.read_text("utf-8").replace("✗ does not hold", "✗ hardly holds"), "utf-8")
    with pytest.raises(BadPack, match="form"):
        proof_packs.read(tmp_path, path.stem)


def test_a_fence_is_longer_than_any_run_of_backticks_it_holds(tmp_path: Path) -> None:
    path = proof_packs.write([Exhibit("Notes", "GET /", "```json\n## 1. Reset\n```")], folder=tmp_path, at=AT)
    assert "\n````json\n```json\n## 1. Reset\n```\n````\n" in path.read_text("utf-8")
    plain_path = proof_packs.write(EXHIBITS, folder=tmp_path, at=AT)
    assert "````" not in plain_path.read_text("utf-8")


def test_a_pack_that_lost_its_form_is_refused_instead_of_shown_in_part(tmp_path: Path) -> None:
    path = proof_packs.write(EXHIBITS, folder=tmp_path, at=AT)
    path.write_text(path.read_text("utf-8").replace("```text", "``` text"), "utf-8")
    with pytest.raises(BadPack, match="form"):
        proof_packs.read(tmp_path, path.stem)


@pytest.mark.scorecard(10)
def test_a_pack_that_has_no_room_is_refused_and_leaves_no_half(tmp_path: Path) -> None:
    longer = Exhibit("A long answer", "GET /", "line\n" * 5_000)
    with no_file_longer_than(10_000), pytest.raises(Unavailable, match="File too large"):
        proof_packs.write([longer], folder=tmp_path, at=AT)
    assert list(tmp_path.iterdir()) == []
    assert proof_packs.read(tmp_path, proof_packs.write([longer], folder=tmp_path, at=AT).stem) is not None


@pytest.mark.parametrize(
    "name", ["../../x", "proof-2026", "", "proof-2026-13-45T99-99-99Z", "proof-2026-03-02T15-04-05Z/../x"]
)
def test_only_names_of_packs_reach_the_disk(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadPack, match="named"):
        proof_packs.read(tmp_path, name)


def test_the_newest_pack_is_shown_with_every_answer_as_written(client: Client, settings: Settings) -> None:
    proof_packs.write(EXHIBITS[:1], folder=settings.proofs_dir, at=AT - timedelta(days=1))
    proof_packs.write(EXHIBITS, folder=settings.proofs_dir, at=AT)
    for other in ("proof-notes", "proof-9999-13-45T99-99-99Z"):
        (settings.proofs_dir / f"{other}.md").write_text("mine", "utf-8")
    answer = client.get("/proof")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    answers = [
        html.unescape(block) for block in re.findall(r'<pre class="answer"[^>]*>(.*?)</pre>', answer.text, re.DOTALL)
    ]
    assert answers == [exhibit.answer.strip() for exhibit in EXHIBITS]
    assert "<b>bot</b>" not in answer.text
    sheet = Sheet(answer.text)
    assert "Written 2026-03-02 15:04:05 UTC by" in sheet.words
    judged = re.findall(r'</span> ([^<]+) <span class="judgement" data-holds="(\w+)">([^<]+)</span></h2>', answer.text)
    marks = {True: "true", False: "false", None: "none"}
    assert judged == [(exhibit.title, marks[exhibit.holds], exhibit.judgement) for exhibit in EXHIBITS]
    older = client.get("/proof?pack=proof-2026-03-01T15-04-05Z")
    assert older.status_code == 200
    assert "The same in SQL" not in older.text


def test_a_strict_browser_policy_finds_nothing_to_refuse(client: Client, settings: Settings) -> None:
    proof_packs.write(EXHIBITS, folder=settings.proofs_dir, at=AT)
    sheet = Sheet(client.get("/proof").text)
    assert sheet.open == []
    assert not {"script", "style", "iframe", "img", "object"} & set(sheet.tags)
    assert not [name for name, _ in sheet.attributes if name == "style" or name.startswith("on")]
    styles = [value for name, value in sheet.attributes if name == "href" and value.endswith(".css")]
    assert all(client.get(path).status_code == 200 for path in styles)


def test_without_a_pack_it_says_how_to_make_one(client: Client) -> None:
    answer = client.get("/proof")
    assert answer.status_code == 200
    assert "make proof" in Sheet(answer.text).words


@pytest.mark.parametrize(
    ("pack", "status"), [("proof-2026-03-02T15-04-05Z", 404), ("proof-notes", 422), ("..%2F..%2Fx", 422)]
)
def test_a_pack_that_is_not_there_is_a_problem(client: Client, pack: str, status: int) -> None:
    answer = client.get(f"/proof?pack={pack}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
