"""Random companies live through random days: services, API and sweep against the model (deadlines 9).

5 seeds of 60 virtual days; `scripts/prove` asks for more of both through `HUIYING_COMPANIES` and
`HUIYING_DAYS`. A failing seed is in the test's name: run that one again.
"""

import os
import random
import sys

import pytest

from tests.sla.simulation.company import Company
from tests.sla.simulation.judging import Judge
from tests.sla.simulation.workers import Workers
from tests.tickets.conftest import House

COMPANIES = int(os.environ.get("HUIYING_COMPANIES", "5"))
DAYS = int(os.environ.get("HUIYING_DAYS", "60"))


@pytest.mark.scaled
@pytest.mark.parametrize("seed", range(COMPANIES))
async def test_what_the_services_did_is_what_the_model_says(
    seed: int, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    workers = Workers(house.database, chance)
    workers.arm(monkeypatch)
    company = Company(seed, house, workers, chance)
    await company.settle()
    await company.live(DAYS)
    figures = await (await Judge.of(company)).check()
    sys.stderr.write(f"seed {seed}: {figures}\n")
    assert figures["escalations"] > 0
    assert figures["crashes"] > 0
