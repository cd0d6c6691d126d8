"""The backtest engine: exact fills over bars."""
