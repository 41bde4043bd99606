"""Calendars: working time, its documents, and what ships."""
