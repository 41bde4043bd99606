"""The staffed house of the tickets' tests."""

from tests.tickets.conftest import House, house

__all__ = ["House", "house"]
