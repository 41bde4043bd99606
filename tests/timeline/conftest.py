"""The staffed house of the tickets' tests, with a relay to hand on what happened in it."""

from tests.tickets.conftest import House, house

__all__ = ["House", "house"]
