"""Every rule of the SOP that is built has tests, and no test speaks of a rule that is none."""

import orjson

from scripts import export_openapi
from scripts.sop_coverage import (
    BUILT,
    find_clocks,
    find_routes,
    find_tests,
    is_rule,
    rule_order,
)

# What no single route serves: it is in every list, or the sweep's.
EVERYWHERE = {"CU-2", "SE-1", "SE-2", "TK-9", "FU-1", "FU-2", "FU-3"}


def test_every_built_rule_has_a_test() -> None:
    tests = find_tests()
    assert [rule for rule in BUILT if not tests.get(rule)] == []
    assert len(tests["TK-2"]) > 20


def test_every_built_rule_is_served_by_a_route_that_cites_it() -> None:
    routes = find_routes(orjson.loads(export_openapi.render()))
    assert [rule for rule in BUILT if rule not in EVERYWHERE and not routes.get(rule)] == []
    assert "POST /api/v1/tickets/{ticket_id}/accept" in routes["TK-2"]


def test_every_rule_of_the_register_has_a_test() -> None:
    tests = find_tests()
    assert [rule for rule in find_clocks() if not tests.get(rule)] == []


def test_only_rules_of_the_catalogue_are_spoken_of() -> None:
    document = orjson.loads(export_openapi.render())
    spoken = {*find_tests(), *find_routes(document), *find_clocks()}
    assert sorted(rule for rule in spoken if not is_rule(rule)) == []
    assert [one for one in ("TK-13", "TK-6b", "TK-14", "TK-0", "XX-1", "TK-1b") if is_rule(one)] == [
        "TK-13", "TK-6b",
    ]  # fmt: skip
    assert sorted(["TK-11", "TK-2", "CU-1", "TK-6b", "TK-6"], key=rule_order) == [
        "CU-1", "TK-2", "TK-6", "TK-6b", "TK-11",
    ]  # fmt: skip
