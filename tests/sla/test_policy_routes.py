"""Routes of policies and of the register of rules."""

from app.sla.engine.register import REGISTER
from app.sla.policy_schemas import PolicyPage, PolicyRead
from app.sla.rule_schemas import RulePage
from app.sla.texts import ANSWERED_BY, OPENS_ON
from tests.sla.world import World


async def test_policies_are_listed_in_the_order_in_which_they_are_asked(world: World) -> None:
    answer = await world.get("/sla/policies")
    page = PolicyPage.model_validate_json(answer.content)
    assert [(one.name, one.is_active) for one in page.items] == [
        ("toolkit", True), ("tiered-cases", False), ("none", False),
    ]  # fmt: skip
    assert page.items[0].document is not None
    assert page.items[0].document["clocks"]["accept"] == {"target": {"minutes": 30}}


async def test_a_policy_is_read_by_name_with_its_versions(world: World) -> None:
    answer = await world.get("/sla/policies/tiered-cases")
    policy = PolicyRead.model_validate_json(answer.content)
    assert [one.number for one in policy.versions] == [1]
    assert policy.versions[0].document == policy.document
    assert answer.headers["etag"] == '"1"'
    for name in ("nonesuch", "%00", "tool%00kit", "😀", "a" * 500):
        assert (await world.get(f"/sla/policies/{name}")).status_code == 404


async def test_the_register_is_told_whole_in_both_languages(world: World) -> None:
    answer = await world.get("/sop/rules")
    page = RulePage.model_validate_json(answer.content)
    assert [one.clock for one in page.items] == [row.clock for row in REGISTER]
    resolve = next(one for one in page.items if one.clock == "resolve")
    assert (resolve.rule, resolve.pauses, resolve.house) == ("TK-5", True, False)
    assert (resolve.title.zh, resolve.opens_on.zh) == ("解决", "工单创建")
    tickets = await world.items("/sop/rules", subject="ticket", rule="TK-5")
    assert [one["clock"] for one in tickets] == ["resolve", "first_answer"]
    assert (await world.get("/sop/rules", limit=1)).status_code == 422


def test_every_clock_of_the_register_has_its_chinese_words() -> None:
    clocks = {row.clock for row in REGISTER}
    assert set(OPENS_ON) == clocks
    assert set(ANSWERED_BY) == clocks
