"""Archetypes spelled out as rule texts, by the archetype's name."""

AS_TEXTS = {
    "breakout": """
        param range_bars = 10 bars in 3 to 100
        param volume_ratio = 1.5 in 0.05 to 5
        param volume_bars = 20 bars in 5 to 100
        long: close > highest(high, range_bars)[1] and volume >= volume_ratio * sma(volume, volume_bars)
        short: mirror""",
    "mean_reversion": """
        param rsi_period = 14 bars in 2 to 50
        param rsi_extreme = 30 in 2 to 48 step 0.5
        param vwap_distance_atr = 1 in 0 to 5 step 0.05
        exit time_stop_bars = 15
        long: rsi(close, rsi_period) <= rsi_extreme and vwap - close >= vwap_distance_atr * atr(atr_period)
        short: mirror""",
    "momentum_surge": """
        param momentum_bars = 5 bars in 1 to 60
        param momentum_atr = 0.5 in 0.1 to 10
        param volume_ratio = 1.3 in 0.05 to 5
        param volume_bars = 20 bars in 5 to 100
        exit time_stop_bars = 10
        long: momentum(close, momentum_bars) >= momentum_atr * atr(atr_period)
              and volume >= volume_ratio * sma(volume, volume_bars)
        short: mirror""",
    "reversal": """
        param rsi_period = 14 bars in 2 to 50
        param rsi_extreme = 25 in 2 to 48 step 0.5
        param extreme_bars = 5 bars in 2 to 60
        exit time_stop_bars = 15
        long: rsi(close, rsi_period) <= rsi_extreme and low <= lowest(low, extreme_bars)
        short: mirror""",
}
