"""Deadlines: the clock register, policies, the pure engine and its ladder.

The pure modules here (facts, target, register, policy, segments, track, deadline, clock, ladder,
explain) know no database, request, setting or wall clock; `sla` knows no ticket beyond the
register's rows.
"""
