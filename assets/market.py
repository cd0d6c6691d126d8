"""The asset of stored bars: one partition a series, told to Dagster as people import, simulate and withdraw.

Belongs here: the spec, a partition's key, what Dagster is told of a series. Does not belong here: seeing that one
changed (`sensors/bars.py`), making bars (`assets/backtests.py`, `services.market`).

Imports happen on the command line, which knows no Dagster, so nothing here is made by a run.
"""

from collections.abc import Mapping

import dagster as dg

from assets.keys import BAR_SERIES
from assets.partitions import OWNERS
from services.market.choice import spoken_of
from store.market.bars import BarSeries, Catalog
from trading.market.sessions import utc_instant

WITHDRAWN = "withdrawn"
VERSION_TAG = "dagster/data_version"

series = dg.DynamicPartitionsDefinition(name="series")
bar_series = dg.AssetSpec(
    BAR_SERIES,
    description="Every series of bars ever stored, by symbol, timeframe and provider: imported, derived or SIMULATED.",
    group_name="market",
    kinds={"parquet"},
    owners=OWNERS,
    partitions_def=series,
)


def standings(catalog: Catalog) -> dict[str, str]:
    """Return by key what each series stands for: the fingerprint of its bars, or that it was withdrawn."""
    gone = {spoken_of(row): WITHDRAWN for row in catalog.withdrawn}
    return gone | {spoken_of(row): row.fingerprint for row in catalog.series.values()}


def told_of(catalog: Catalog, known: Mapping[str, str]) -> list[dg.AssetMaterialization | dg.AssetObservation]:
    """Return what Dagster is to be told of the series that stand otherwise than it knows, by their keys.

    Bars are a materialization whose version is their fingerprint; a withdrawal, which leaves them where they are, is an
    observation.
    """
    rows = {spoken_of(row): row for row in (*catalog.withdrawn, *catalog.series.values())}
    changed = sorted((key, standing) for key, standing in standings(catalog).items() if known.get(key) != standing)
    return [_event(rows[key], key, is_withdrawn=standing == WITHDRAWN) for key, standing in changed]


def _event(row: BarSeries, key: str, *, is_withdrawn: bool) -> dg.AssetMaterialization | dg.AssetObservation:
    metadata = series_metadata(row)
    if is_withdrawn:
        metadata |= {WITHDRAWN: dg.MetadataValue.bool(True)}
        return dg.AssetObservation(BAR_SERIES, partition=key, metadata=metadata)
    tags = {VERSION_TAG: row.fingerprint}
    return dg.AssetMaterialization(BAR_SERIES, partition=key, metadata=metadata, tags=tags)


def series_metadata(row: BarSeries) -> dict[str, dg.MetadataValue]:
    """Return what is said of a series: whose bars, from where, how many, from when to when, which content."""
    text = {
        "file": row.source,
        "provider": row.provider,
        "fingerprint": row.fingerprint,
        "derived_from": row.derived_from,
        "borrowed_from": row.borrowed_from,
        "notes": "; ".join(row.notes),
    }
    return {
        "dagster/row_count": dg.MetadataValue.int(row.bars),
        "first_bar": dg.MetadataValue.timestamp(utc_instant(row.first_ts)),
        "last_bar": dg.MetadataValue.timestamp(utc_instant(row.last_ts)),
        "imported": dg.MetadataValue.timestamp(row.imported_at),
        "simulated": dg.MetadataValue.bool(row.is_simulated),
        "of_marks": dg.MetadataValue.bool(row.of_marks),
    } | {name: dg.MetadataValue.text(value) for name, value in text.items() if value}
