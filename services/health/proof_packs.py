"""The proof packs that were written, for people who read or print them.

Belongs here: read-only use cases over the packs of one platform. Does not belong here: writing one
(`orchestration/cli/proof_pack.py`), the form of the files (`gateways/proof_packs.py`).
"""

from gateways import proof_packs
from gateways.proof_packs import Pack
from services.desk import Desk


def pack_names(desk: Desk) -> list[str]:
    """Return the names of the packs, newest first."""
    return proof_packs.names(desk.settings.proofs_dir)


def pack_shown(desk: Desk, name: str | None = None) -> Pack | None:
    """Return the named pack, or the newest; None where there is none.

    Raises:
        BadPack: the name is not a pack's, or the file does not have a pack's form.
        Unavailable: the file cannot be read.
    """
    known = pack_names(desk)
    wanted = name if name is not None else next(iter(known), None)
    return proof_packs.read(desk.settings.proofs_dir, wanted) if wanted is not None else None
