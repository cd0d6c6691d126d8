"""What tests, and benchmarks, hold in their hands: rows, fixtures, clocks, clients, servers, browsers, platforms.

Belongs here: what modules of more than one kind of test use. Does not belong here: tests, right answers worked out
another way (`tests/oracle`), what a single kind of test uses (it stays beside them).
"""
