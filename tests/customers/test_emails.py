"""E-mail addresses: what no server could take is refused, and what is kept has one form that is kept again."""

import csv
import json

import pytest
from pydantic import TypeAdapter, ValidationError

from app.customers.values import Email
from tests.conftest import SHARED

CASES = SHARED / "data" / "leads" / "isemail-cases.csv"
EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def kept(text: str) -> str | None:
    """Return an address as it is kept, None where it is refused."""
    try:
        return EMAIL.validate_python(text)
    except ValidationError:
        return None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" Wang.Fang@EXAMPLE.com ", "Wang.Fang@example.com"),
        ("a+b@example.com.cn", "a+b@example.com.cn"),
        ("王芳@例子.公司", "王芳@例子.公司"),
        ("wang@xn--fsqu00a.xn--0zwm56d", "wang@例子.测试"),
        ("wang@例子", None),
        ("wang@@example.com", None),
        ("wang@192.168.1.1", None),
        ("w****.com", None),
    ],
)
def test_an_address_has_one_form(text: str, form: str | None) -> None:
    assert kept(text) == form


@pytest.mark.skipif(not CASES.exists(), reason="the shared data are not here")
def test_the_worlds_odd_addresses_are_judged_as_the_library_judges_them() -> None:
    with CASES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 164
    for row in rows:
        text = json.loads(row["address_json"])
        form = kept(text)
        valid = row["email_validator_2_4_0"] == "valid" and len(text) <= 254
        assert (form is not None) == valid or text != text.strip(), row
        assert form is None or kept(form) == form, row
