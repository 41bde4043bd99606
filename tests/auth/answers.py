"""Reading refusals in tests: the status with the code, and the wrong fields with theirs."""

import httpx


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def errors_of(answer: httpx.Response) -> list[tuple[str, str]]:
    """Return the wrong places of a 422 with their codes."""
    assert code_of(answer) == (422, "validation_failed"), answer.text
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
