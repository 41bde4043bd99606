"""The event of a changed calendar: what is put in comes out, and the payload is as it was agreed."""

from app.calendars.events import CalendarChanged


def test_a_payload_tells_the_event_that_made_it() -> None:
    event = CalendarChanged("office", 1, 2, (2027,), is_working=True)
    assert event.payload == {
        "calendar": "office",
        "from_version": 1,
        "to_version": 2,
        "loaded_years": [2027],
        "is_working": True,
    }
    assert CalendarChanged.of(event.payload) == event
