"""Fixtures of the heart's tests."""

import httpx
import pytest

from app.database import Database
from tests.conftest import AsUser, LoginAs
from tests.factories import make_customer, make_department, make_rules, make_user
from tests.sla.retargets import Publisher
from tests.sla.world import MONDAY, World


@pytest.fixture
async def world(database: Database, client: httpx.AsyncClient, as_user: AsUser) -> World:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        department = await make_department(tx)
        other = await make_department(tx, name="销售部")
        boss = await make_user(tx, role="manager", name="李雷", department=department)
        owner = await make_user(tx, department=department, manager=boss)
        stranger = await make_user(tx, role="manager", name="王强", department=other)
        customer = await make_customer(tx, owner=boss)
    return World(
        database, client, department, customer,
        await as_user(boss), await as_user(owner), await as_user(stranger),
    )  # fmt: skip


@pytest.fixture
async def publisher(world: World, login_as: LoginAs) -> Publisher:
    return Publisher(world, await login_as("admin", name="管理员"))
