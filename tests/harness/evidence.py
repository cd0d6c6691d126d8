"""Evidence for gates: of a bot that shows everything any of them asks for."""

from trading.governance.gates import Evidence

PERFECT = Evidence(
    proven=True,
    trades=1_000,
    losers=400,
    net_pnl_micros=50_000_000_000,
    win_pct=60.0,
    max_drawdown_pct=5.0,
    profit_factor=2.0,
    expectancy_usd=50.0,
    sharpe=2.0,
    days_in_stage=100.0,
    data_sources=frozenset({"cme"}),
    recent_sessions_passed=(True, True, True),
    walk_forward_consistency=1.0,
    walk_forward_overfit_ratio=1.2,
    shadow_paper_correlation=0.95,
    stress_passed=True,
    approved=True,
    losing_days_in_a_row=0,
)
