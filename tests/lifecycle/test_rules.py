"""The rules of moving between stages, by the lifecycle that ships and by made ones."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.permissions import Role
from app.lifecycle.rules import Attempt, ReasonRule, check, faults_of, missing_of, read_lifecycle
from app.lifecycle.shipped import shipped_document

SHIPPED = read_lifecycle(shipped_document(), 0)
WHOLE = ("owner_id", "contact")
Document = dict[str, Any]


def codes(source: str, target: str, role: str = "sales", **given: Any) -> list[tuple[Any, str]]:
    attempt = Attempt(source, target, role, **{"filled": WHOLE, **given})
    return [(one.pointer, one.code) for one in check(SHIPPED, attempt)]


@pytest.mark.sop("CU-1", "CU-11")
def test_the_shipped_stages_are_those_of_the_sop() -> None:
    titles = {code: one.title["zh"] for code, one in SHIPPED.stages.items()}
    assert titles == {
        "potential": "潜在", "interested": "意向", "won": "成交", "lost": "流失",
    }  # fmt: skip
    initial = [code for code, one in SHIPPED.stages.items() if one.is_initial]
    assert initial == ["potential", "interested", "won"]
    assert faults_of(shipped_document(), shipped_document()) == []


@pytest.mark.sop("CU-11")
@pytest.mark.parametrize(
    ("source", "target", "given", "wrong"),
    [
        ("potential", "interested", {}, []),
        ("potential", "won", {}, []),
        ("interested", "won", {"filled": ("owner_id",)}, [(None, "stage_fields_missing")]),
        ("won", "lost", {"reason_code": "price", "reason": "涨价后转向低价产品"}, []),
        ("won", "lost", {}, [("/reason_code", "missing"), ("/reason", "missing")]),
        ("won", "lost", {"reason_code": "price"}, [("/reason", "missing")]),
        ("won", "lost", {"reason_code": "rain", "reason": "下雨"}, [("/reason_code", "stage_reason_unknown")]),
        ("lost", "interested", {"reason": "重新报价"}, []),
        ("lost", "interested", {}, [("/reason", "missing")]),
        ("lost", "interested", {"reason": "重新报价", "reason_code": "price"}, [("/reason_code", "stage_reason_unknown")]),
        ("potential", "interested", {"reason": "来电询价"}, []),
        ("won", "interested", {"reason": "误点"}, [(None, "stage_move_not_permitted")]),
        ("won", "interested", {"reason": "误点", "role": "manager"}, []),
        ("won", "potential", {"reason": "误点"}, [(None, "stage_move_impossible")]),
        ("potential", "potential", {}, [(None, "stage_move_impossible")]),
        ("potential", "sold", {}, [("/stage", "stage_unknown")]),
    ],
)  # fmt: skip
def test_a_move_is_refused_for_its_weightiest_fault(
    source: str, target: str, given: dict[str, Any], wrong: list[tuple[Any, str]]
) -> None:
    assert codes(source, target, **given) == wrong


def test_a_stage_that_is_not_active_takes_nobody_but_lets_go() -> None:
    document = copy.deepcopy(dict(shipped_document()))
    document["stages"][1]["is_active"] = False
    made = read_lifecycle(document, 1)
    assert [one.code for one in check(made, Attempt("potential", "interested", "sales"))] == [
        "stage_unknown"
    ]
    assert check(made, Attempt("interested", "won", "sales", filled=WHOLE)) == []
    assert [one.target for one in made.moves_from("potential")] == ["won", "lost"]


def test_forward_is_towards_the_end_or_back_from_being_lost() -> None:
    forward = {
        (source, target)
        for source in SHIPPED.stages
        for target in SHIPPED.stages
        if SHIPPED.is_forward(source, target)
    }
    assert forward == {
        ("potential", "interested"), ("potential", "won"), ("interested", "won"),
        ("lost", "potential"), ("lost", "interested"), ("lost", "won"),
    }  # fmt: skip


# --- what a configuration may not be


def without(name: str, place: int) -> Callable[[Document], None]:
    return lambda document: document[name].pop(place)


def setting(name: str, place: int, **values: Any) -> Callable[[Document], None]:
    return lambda document: document[name][place].update(values)


def none_initial(document: Document) -> None:
    for one in document["stages"]:
        one["is_initial"] = False


def no_reason_active(document: Document) -> None:
    for one in document["reasons"]:
        one["is_active"] = False


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (without("reasons", 0), [("/reasons", "lifecycle_code_missing")]),
        (setting("stages", 1, code="won"), [
            ("/stages/2/code", "lifecycle_code_twice"), ("/stages", "lifecycle_code_missing"),
            ("/moves/0/to", "stage_unknown"), ("/moves/1/from/1", "stage_unknown"),
            ("/moves/2/from/1", "stage_unknown"), ("/moves/4/to", "stage_unknown"),
            ("/moves/6/from/0", "stage_unknown"), ("/moves/7/to", "stage_unknown"),
        ]),
        (none_initial, [("/stages", "lifecycle_without_beginning")]),
        (no_reason_active, [("/moves/2/reason", "lifecycle_without_reasons")]),
        (setting("moves", 0, to="nowhere"), [("/moves/0/to", "stage_unknown")]),
        (setting("moves", 0, **{"from": ["interested"]}), [("/moves/0/from/0", "stage_unknown")]),
        (setting("moves", 0, to="won"), [("/moves/1/from/0", "lifecycle_move_twice")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_configuration_is_named_by_its_place(
    spoil: Callable[[Document], None], wrong: list[tuple[str, str]]
) -> None:
    document = copy.deepcopy(dict(shipped_document()))
    spoil(document)
    found = [(one.pointer, one.code) for one in faults_of(document, shipped_document())]
    assert found == wrong


# --- whatever is configured


stages = st.sampled_from(list(SHIPPED.stages))


@given(
    st.builds(
        Attempt,
        source=stages,
        target=stages,
        role=st.sampled_from(list(Role)),
        reason_code=st.none() | st.sampled_from(["price", "rain"]),
        reason=st.none() | st.just("客户转向低价产品"),
        filled=st.sets(st.sampled_from(["owner_id", "contact", "industry"])),
    )
)
def test_what_is_allowed_keeps_every_rule_of_its_move(attempt: Attempt) -> None:
    if check(SHIPPED, attempt):
        return
    move = SHIPPED.move(attempt.source, attempt.target)
    assert move is not None
    assert not move.roles or attempt.role in move.roles
    assert missing_of(move, attempt.filled) == []
    assert (attempt.reason_code is not None) == (move.reason is ReasonRule.LISTED)
    assert move.reason is ReasonRule.NONE or attempt.reason is not None
