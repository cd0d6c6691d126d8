"""What the API answers and takes, from its OpenAPI document: of every schema each field and its type, a line each.

`python -m tests.golden.wire` adds new fields to the record. Belongs here: reading the document, the record. Does not
belong here: comparing them (`test_wire.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from api.app import create_app
from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from services.desk import open_desk
from tests.harness.client import TOKEN

RECORD = Path(__file__).with_name("wire.txt")
NOWHERE = make_url("postgresql+psycopg://nobody@127.0.0.1:1/nothing")


def spoken_today(home: Path) -> list[str]:
    """Return the lines of the API as it is; its document asks no database."""
    urls = DatabaseUrls(owner=NOWHERE, app=NOWHERE, dagster=NOWHERE)
    desk = open_desk(Settings(env="test", proving_home=home, admin_token=SecretStr(TOKEN)), urls)
    return lines_of(create_app(desk).openapi())


def recorded() -> list[str]:
    return RECORD.read_text("utf-8").splitlines()


def lines_of(document: dict[str, Any]) -> list[str]:
    """Return `Schema.field type` for every field, `?` after one that may be left out."""
    schemas = document["components"]["schemas"]
    return sorted(line for name, schema in schemas.items() for line in _fields(name, schema))


def _fields(name: str, schema: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for field, declared in schema.get("properties", {}).items():
        yield f"{name}.{field}{'' if field in required else '?'} {type_of(declared)}"


def type_of(declared: dict[str, Any]) -> str:
    """Return a type as one word: `number|null`, `[JobTold]`, `{integer}`, `string:uuid`."""
    if "$ref" in declared:
        return str(declared["$ref"]).rpartition("/")[2]
    if "anyOf" in declared:
        return "|".join(map(type_of, declared["anyOf"]))
    kind = str(declared.get("type", "any"))
    if kind == "array":
        return f"[{type_of(declared.get('items', {}))}]"
    if kind == "object":
        values = declared.get("additionalProperties")
        return f"{{{type_of(values) if isinstance(values, dict) else 'any'}}}"
    return f"{kind}:{declared['format']}" if "format" in declared else kind


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        every_line = sorted({*recorded(), *spoken_today(Path(folder))})
    RECORD.write_text("\n".join(every_line) + "\n", encoding="utf-8")
