"""When levels fire, who is told, and when a notice may go out (SOP TK-9, deadlines section 7).

The organisation: Owen and Olga under Sam, the head of support, under Dora, under Chris.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sla.engine.ladder import Case, Department, Org, Person, Why, recipients, release_at
from app.sla.engine.policy import HOUSE_LADDER, Step, Tell
from tests.sla.histories import Ticket, at, changed_toolkit, fire_times, rulebook

OWEN, OLGA, SAM, DORA, CHRIS, ADA, ABE, KIM = range(1, 9)
SUPPORT, FIELD = 10, 11
PEOPLE = {
    OWEN: Person(OWEN, SAM),
    OLGA: Person(OLGA, SAM),
    SAM: Person(SAM, DORA),
    DORA: Person(DORA, CHRIS),
    CHRIS: Person(CHRIS),
    ADA: Person(ADA),
    ABE: Person(ABE),
    KIM: Person(KIM),
}
ORG = Org(
    people=PEOPLE,
    departments={SUPPORT: Department(SUPPORT, SAM), FIELD: Department(FIELD, None, (), SUPPORT)},
    admins=(ADA, ABE),
)
WARN, DUE, LATER, HEAD = HOUSE_LADDER
CASE = Case(OWEN, SUPPORT)


def changed(*people: Person, **parts: object) -> Org:
    return replace(ORG, people={**PEOPLE, **{one.id: one for one in people}}, **parts)  # type: ignore[arg-type]


def away(user_id: int, delegate: int | None = None) -> Person:
    return replace(PEOPLE[user_id], present=False, delegate_id=delegate)


def told(org: Org, case: Case, step: Step) -> list[tuple[int, Why]]:
    return [(one.user_id, one.why) for one in recipients(org, case, step)]


@pytest.mark.sop("TK-9")
def test_the_house_ladder_warns_at_a_quarter_left_and_climbs_in_the_deadlines_calendar() -> None:
    row = Ticket().opened("03-02 10:00").row("resolve")
    assert fire_times(row) == [at(f"03-0{time}") for time in _IN_WORKING_TIME]
    row = Ticket().opened("03-02 16:00", tier="A").row("resolve")
    assert fire_times(row, [3, 4]) == [at("03-02 21:00"), at("03-03 00:00")]


_IN_WORKING_TIME = ("2 13:00", "2 14:00", "2 15:00", "2 18:00")


@pytest.mark.sop("TK-9")
def test_a_warning_lies_at_the_opening_and_an_escalation_at_the_closing() -> None:
    lunch = Ticket().opened("03-02 09:00", calendar="lunch").row("resolve")
    assert fire_times(lunch, [1, 2]) == [at("03-02 13:30"), at("03-02 14:30")]
    evening = Ticket().opened("03-02 13:00").row("resolve")
    assert fire_times(evening, [2, 3]) == [at("03-02 17:00"), at("03-02 18:00")]


@pytest.mark.sop("TK-9")
def test_a_date_target_is_warned_by_its_length_in_the_calendar() -> None:
    row = Ticket().opened("03-02 10:00", complexity="complex").row("resolve")
    assert (row.length_seconds, fire_times(row, [1])) == (9 * 3600, [at("03-02 16:45")])
    row = Ticket().opened("03-02 09:00").resolved("03-02 10:00").row("confirm")
    assert fire_times(row, [1]) == [at("03-04 11:30")]


@pytest.mark.sop("TK-9")
def test_levels_of_a_paused_row_stand_as_if_resumed_at_the_limit() -> None:
    row = Ticket().opened("03-02 09:00").waits("03-02 10:00").row("resolve")
    assert fire_times(row, [1, 2, 3]) == [at(f"03-06 {hour}:00") for hour in (11, 12, 13)]
    used = Ticket().opened("03-02 09:00").waits("03-02 12:00").row("resolve")
    assert fire_times(used, [1]) == [at("03-06 09:00")]


@pytest.mark.sop("TK-9")
@pytest.mark.parametrize(
    ("resolved", "levels"),
    [
        ("03-02 11:59:59", []),
        ("03-02 12:00", [1]),
        ("03-02 13:00", [1]),
        ("03-02 13:00:01", [1, 2]),
        ("03-02 14:00", [1, 2, 3]),
        ("03-02 16:59:59", [1, 2, 3]),
        ("03-02 17:00", [1, 2, 3, 4]),
    ],
)
def test_an_ended_row_lists_the_levels_that_it_reached(resolved: str, levels: list[int]) -> None:
    row = Ticket().opened("03-02 09:00").resolved(resolved).row("resolve")
    assert [level for level, _ in row.levels] == levels


@pytest.mark.sop("TK-9")
def test_a_policy_has_its_own_ladder_with_minutes_before_due() -> None:
    ladder = [
        {"level": 1, "minutes": -30, "tell": ["owner"]},
        {"level": 2, "minutes": 15, "tell": ["head"]},
    ]
    ticket = Ticket(rulebook(changed_toolkit("own", ladder=ladder))).opened(
        "03-02 09:00", policy="own"
    )
    assert ticket.row("resolve").levels == ((1, at("03-02 12:30")), (2, at("03-02 13:15")))
    assert fire_times(ticket.row("accept"), [1]) == [at("03-02 09:00")]


@pytest.mark.sop("TK-9")
def test_warnings_need_no_order_among_themselves() -> None:
    ladder = [
        {"level": 1, "minutes": -30, "tell": ["owner"]},
        {"level": 2, "percent": -50, "tell": ["owner"]},
        {"level": 3, "minutes": 0, "tell": ["head"]},
    ]
    ticket = Ticket(rulebook(changed_toolkit("own", ladder=ladder))).opened(
        "03-02 09:00", policy="own"
    )
    row = ticket.resolved("03-02 12:00").row("resolve")
    assert row.levels == ((2, at("03-02 11:00")),)


@pytest.mark.sop("TK-9")
def test_levels_go_up_the_line_one_by_one_to_the_head() -> None:
    assert told(ORG, CASE, WARN) == [(OWEN, Why.OWNER)]
    assert told(ORG, replace(CASE, told=(OWEN,)), DUE) == [(OWEN, Why.OWNER), (SAM, Why.NEXT)]
    assert told(ORG, replace(CASE, told=(OWEN, SAM)), LATER) == [(DORA, Why.NEXT)]
    org = replace(ORG, departments={SUPPORT: Department(SUPPORT, KIM)})
    assert told(org, replace(CASE, told=(OWEN, SAM, DORA)), HEAD) == [(KIM, Why.HEAD)]


@pytest.mark.sop("TK-9")
def test_a_head_who_was_told_already_passes_the_level_up() -> None:
    assert told(ORG, replace(CASE, told=(OWEN, SAM, DORA)), HEAD) == [(CHRIS, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_what_the_supervisor_owns_goes_to_his_own_manager() -> None:
    case = Case(SAM, SUPPORT)
    assert told(ORG, replace(case, told=(SAM,)), DUE) == [(SAM, Why.OWNER), (DORA, Why.NEXT)]
    assert told(ORG, case, HEAD) == [(DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_without_an_owner_the_head_stands_for_him() -> None:
    case = Case(None, SUPPORT)
    assert told(ORG, case, WARN) == [(SAM, Why.OWNER)]
    assert told(ORG, replace(case, told=(SAM,)), DUE) == [(SAM, Why.OWNER), (DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_a_department_without_a_head_asks_the_one_above() -> None:
    assert told(ORG, Case(None, FIELD), WARN) == [(SAM, Why.OWNER)]


@pytest.mark.sop("TK-9")
def test_an_exhausted_line_reminds_the_last_person_told() -> None:
    case = replace(CASE, told=(OWEN, SAM, DORA, CHRIS))
    assert told(ORG, case, LATER) == [(CHRIS, Why.REMINDED)]
    assert told(ORG, case, HEAD) == [(CHRIS, Why.REMINDED)]


@pytest.mark.sop("TK-9")
def test_the_last_person_told_who_is_away_is_reminded_through_the_one_before() -> None:
    case = replace(CASE, told=(OWEN, SAM, DORA, CHRIS))
    assert told(changed(away(CHRIS)), case, LATER) == [(DORA, Why.REMINDED)]
    assert told(changed(away(CHRIS, KIM)), case, LATER) == [(KIM, Why.REMINDED)]


@pytest.mark.sop("TK-9")
def test_the_admins_are_told_only_if_nobody_could_be() -> None:
    nobody = Case(None, None)
    assert told(ORG, nobody, WARN) == [(ADA, Why.ADMIN), (ABE, Why.ADMIN)]
    assert told(changed(away(ADA)), nobody, WARN) == [(ABE, Why.ADMIN)]
    assert told(changed(away(ADA), away(ABE)), nobody, DUE) == [
        (ADA, Why.ADMIN),
        (ABE, Why.ADMIN),
    ]
    gone = [replace(PEOPLE[admin], active=False) for admin in (ADA, ABE)]
    assert told(changed(*gone), nobody, WARN) == []


@pytest.mark.sop("TK-9")
def test_an_absent_owner_is_represented_by_his_delegate_else_from_above() -> None:
    (one,) = recipients(changed(away(OWEN, OLGA)), CASE, WARN)
    assert (one.user_id, one.why, one.in_place_of) == (OLGA, Why.OWNER, OWEN)
    assert told(changed(away(OWEN)), CASE, WARN) == [(SAM, Why.NEXT)]
    assert told(changed(away(OWEN)), CASE, DUE) == [(SAM, Why.NEXT), (DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
@pytest.mark.parametrize(
    "delegate", [away(OLGA), replace(PEOPLE[OLGA], active=False), away(OLGA, KIM)]
)
def test_a_delegate_must_be_present_and_active_and_is_asked_one_hop_only(delegate: Person) -> None:
    assert told(changed(away(OWEN, OLGA), delegate), CASE, WARN) == [(SAM, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_an_absent_supervisor_is_represented_or_passed_over() -> None:
    case = replace(CASE, told=(OWEN,))
    assert told(changed(away(SAM, KIM)), case, DUE) == [(OWEN, Why.OWNER), (KIM, Why.NEXT)]
    assert told(changed(away(SAM)), case, DUE) == [(OWEN, Why.OWNER), (DORA, Why.NEXT)]
    assert told(changed(away(SAM, OWEN)), case, DUE) == [(OWEN, Why.OWNER), (DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_a_supervisor_told_before_he_went_away_is_passed_over_with_his_delegate() -> None:
    case = replace(CASE, told=(OWEN, SAM))
    assert told(changed(away(SAM, KIM)), case, LATER) == [(DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_who_left_the_company_is_passed_over() -> None:
    org = changed(replace(PEOPLE[SAM], active=False))
    assert told(org, replace(CASE, told=(OWEN,)), LATER) == [(DORA, Why.NEXT)]


@pytest.mark.sop("TK-9")
def test_a_cycle_in_the_line_is_survived() -> None:
    org = changed(replace(PEOPLE[DORA], manager_id=OWEN))
    assert told(org, replace(CASE, told=(OWEN, SAM)), LATER) == [(DORA, Why.NEXT)]
    assert told(org, replace(CASE, told=(OWEN, SAM, DORA)), LATER) == [(DORA, Why.REMINDED)]
    above = changed(replace(PEOPLE[DORA], manager_id=SAM))
    assert told(above, replace(CASE, told=(OWEN, SAM, DORA)), LATER) == [(DORA, Why.REMINDED)]
    own = changed(replace(PEOPLE[OWEN], manager_id=OWEN))
    assert told(own, CASE, LATER) == [(ADA, Why.ADMIN), (ABE, Why.ADMIN)]


@pytest.mark.sop("TK-9", "CU-10")
def test_outside_hours_a_tier_a_matter_goes_to_on_call_else_dedicated_else_head() -> None:
    on_call = {SUPPORT: Department(SUPPORT, SAM, (OLGA, KIM))}
    night = replace(CASE, tier="A", outside_hours=True, dedicated_manager_id=CHRIS)
    assert told(replace(ORG, departments=on_call), night, WARN) == [(OLGA, Why.ON_CALL)]
    org = replace(changed(away(OLGA)), departments=on_call)
    assert told(org, night, WARN) == [(KIM, Why.ON_CALL)]
    assert told(ORG, night, WARN) == [(CHRIS, Why.DEDICATED)]
    assert told(ORG, replace(night, dedicated_manager_id=None), WARN) == [(SAM, Why.HEAD)]


@pytest.mark.sop("TK-9", "CU-10")
def test_at_night_the_next_level_calls_somebody_not_yet_told() -> None:
    org = replace(ORG, departments={SUPPORT: Department(SUPPORT, SAM, (OLGA,))})
    night = Case(OWEN, SUPPORT, (OLGA,), "A", outside_hours=True)
    assert told(org, night, LATER) == [(SAM, Why.HEAD)]
    assert told(org, replace(night, told=(OLGA, SAM)), LATER) == [(DORA, Why.NEXT)]


@pytest.mark.sop("TK-9", "CU-10")
def test_an_owner_who_is_on_call_is_told_as_owner() -> None:
    org = replace(ORG, departments={SUPPORT: Department(SUPPORT, SAM, (OLGA, OWEN))})
    assert told(org, Case(OWEN, SUPPORT, (), "A", outside_hours=True), WARN) == [(OWEN, Why.OWNER)]


@pytest.mark.sop("TK-9")
@pytest.mark.parametrize(("tier", "outside"), [("B", True), ("A", False), (None, True)])
def test_on_call_is_for_tier_a_outside_hours_only(tier: str | None, outside: bool) -> None:
    org = replace(ORG, departments={SUPPORT: Department(SUPPORT, SAM, (OLGA,))})
    assert told(org, Case(OWEN, SUPPORT, (), "A"), WARN) == [(OWEN, Why.OWNER)]
    assert told(org, Case(OWEN, SUPPORT, (), tier, outside), WARN) == [(OWEN, Why.OWNER)]


ids = st.sampled_from(sorted(PEOPLE))
maybe = st.none() | ids
people = st.builds(Person, ids, maybe, st.booleans(), st.booleans(), maybe)


@st.composite
def organisations(draw: st.DrawFn) -> Org:
    drawn = {one: replace(draw(people), id=one) for one in PEOPLE}
    departments = {
        SUPPORT: Department(SUPPORT, draw(maybe), tuple(draw(st.lists(ids, max_size=3))), FIELD),
        FIELD: Department(FIELD, draw(maybe), (), SUPPORT),
    }
    return Org(drawn, departments, (ADA, ABE))


cases = st.builds(
    Case,
    maybe,
    st.sampled_from([SUPPORT, FIELD, None]),
    st.lists(ids, max_size=6).map(tuple),
    st.sampled_from("AB"),
    st.booleans(),
    maybe,
)


@pytest.mark.sop("TK-9")
@given(organisations(), cases, st.sampled_from(HOUSE_LADDER))
def test_whoever_is_told_can_be_reached_once_and_somebody_is_if_anybody_can(
    org: Org, case: Case, step: Step
) -> None:
    chosen = recipients(org, case, step)
    named = [one.user_id for one in chosen]
    assert len(named) == len(set(named))
    for one in chosen:
        person = org.people[one.user_id]
        assert person.reachable or (one.why is Why.ADMIN and person.active)
        assert one.in_place_of is None or org.people[one.in_place_of].delegate_id == one.user_id
        escalated = one.why in (Why.NEXT, Why.HEAD) and Tell.OWNER not in step.tell
        assert not escalated or (one.user_id not in case.told and one.user_id != case.owner_id)
    assert chosen or not any(org.people[admin].active for admin in org.admins)


SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("when", "released"),
    [
        ("03-02 21:59:59", "03-02 21:59:59"),
        ("03-02 22:00", "03-03 08:00"),
        ("03-02 23:59:59", "03-03 08:00"),
        ("03-03 00:00", "03-03 08:00"),
        ("03-03 07:59:59.999999", "03-03 08:00"),
        ("03-03 08:00", "03-03 08:00"),
    ],
)
def test_notices_are_held_during_quiet_hours(when: str, released: str) -> None:
    assert release_at(at(when), SHANGHAI, "B") == at(released)


def test_quiet_hours_are_the_recipients_and_not_for_tier_a() -> None:
    noon_in_shanghai = at("03-02 12:00")  # 23:00 on Sunday in New York
    assert release_at(noon_in_shanghai, ZoneInfo("America/New_York"), None) == at("03-02 21:00")
    assert release_at(at("03-02 23:00"), SHANGHAI, "A") == at("03-02 23:00")


def test_quiet_hours_end_at_eight_on_the_wall_also_when_the_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert release_at(at("03-29 05:30"), berlin, "C") == at("03-29 14:00")
