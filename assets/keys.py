"""The names of the assets that more than one module speaks of.

Belongs here: keys. Does not belong here: what an asset is.
"""

import dagster as dg

BAR_SERIES = dg.AssetKey("bar_series")
BACKTEST_SESSIONS = dg.AssetKey("backtest_sessions")
ROLLUPS = dg.AssetKey("performance_rollups")
EQUITY_CURVES = dg.AssetKey("equity_curves")
IMPROVE_ITERATIONS = dg.AssetKey("improve_iterations")
EVOLVE_ITERATIONS = dg.AssetKey("evolve_iterations")
GENERATIONS = dg.AssetKey("generations")
DECISIONS = dg.AssetKey("autonomy_decisions")
BOT_JOBS = dg.AssetKey("bot_jobs")
AUDIT_EVENTS = dg.AssetKey("audit_events")
