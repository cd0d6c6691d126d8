"""The database is brought to the state the code needs, and says when it is not."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from gateways.postgres import DatabaseUrls
from services.desk import Desk, prepare_database
from store.base import Base
from store.provision import pending_migrations


@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")  # SQLAlchemy on a CHECK not validated
def test_migrations_build_exactly_the_tables_the_code_declares(owner: Engine) -> None:
    with owner.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, Base.metadata) == []


def test_provisioning_again_changes_nothing(owner: Engine, urls: DatabaseUrls) -> None:
    prepare_database(urls)
    with owner.connect() as connection:
        assert pending_migrations(connection) == []


def test_a_database_without_migrations_says_which_are_missing(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        assert pending_migrations(connection)[0] == "0001"


def test_a_database_of_newer_code_lacks_nothing(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert pending_migrations(connection) == []


def test_the_application_role_is_neither_owner_nor_superuser(desk: Desk) -> None:
    with desk.database() as db:
        role = db.execute(text("SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"))
        assert tuple(role.one()) == ("proving_app", False, False)
        owned = db.execute(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")).scalar_one()
        assert owned == 0
