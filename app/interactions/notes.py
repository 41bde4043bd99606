"""Refuses a note that says nothing (SOP IN-2), with what is missing; the judging is in `vagueness`."""

from app.errors import FieldError, Invalid
from app.interactions.vagueness import judge


def check_note(text: str, pointer: str) -> None:
    """Raise `Invalid` at `pointer` for a vague note, with the judge's reasons."""
    verdict = judge(text)
    if verdict.vague:
        errors = [FieldError(pointer, f"vague_{reason.value}") for reason in verdict.reasons]
        raise Invalid("note_vague", errors=errors)
