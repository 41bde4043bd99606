"""The engine: deadlines as a pure function of facts, policies and calendars. No database, no clock."""
