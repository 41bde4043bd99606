"""Deadlines: policies, the cache of what the pure engine says of facts, the sweep, and what can be asked.

What is decided lives in `engine`; here it is stored, fired, told and shown. `sla` knows no ticket
beyond the register's rows.
"""
