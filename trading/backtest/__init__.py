"""The backtest engine: exact fills over bars, and the tests of a strategy built on it."""
