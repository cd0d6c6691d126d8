"""Markets: instruments, sessions, bars and the market simulator."""
