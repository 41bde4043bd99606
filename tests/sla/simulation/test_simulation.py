"""The engine against a simple model of it, on random stories of one ticket (deadlines 1 to 3, 5, 7).

`HUIYING_SEEDS` says how many; `scripts/prove` tries 2,000. A failing seed prints itself, shrunk.
"""

import os
from datetime import datetime
from typing import Any

import pytest
import yaml

from app.sla.engine import track
from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from tests.sla.simulation.comparing import check, difference_at, first_difference, shrink
from tests.sla.simulation.printing import as_case
from tests.sla.simulation.stories import Story, tell

SEEDS = int(os.environ.get("HUIYING_SEEDS", "200"))
BATCHES = 10


@pytest.mark.scaled
@pytest.mark.parametrize("batch", range(BATCHES))
def test_engine_and_model_agree_on_every_seed(batch: int) -> None:
    for seed in range(batch, SEEDS, BATCHES):
        check(seed)


def test_the_stories_tell_of_everything_that_can_happen() -> None:
    stories = [tell(seed) for seed in range(60)]
    kinds = {fact.kind for story in stories for fact in story.facts}
    no_clocks = {FactKind.TASK_FORCE_FORMED, FactKind.PAUSE_APPROVED}
    assert set(FactKind) - kinds == {*no_clocks, FactKind.ANSWERED}
    rows = [row for story in stories for row in _rows_seen(story)]
    assert {row["state"] for row in rows} == {state.value for state in State}
    for name in ("on_retarget", "provisional", "intervals_skipped", "correction"):
        assert any(row[name] for row in rows), name
    assert all(story.possible for story in stories)


def _rows_seen(story: Story) -> list[dict[str, Any]]:
    """Every row as it stood after every fact."""
    model, rows = story.model(), list[dict[str, Any]]()
    for fact in story.facts:
        model.take(fact)
        rows += model.rows(fact.at).values()
    return rows


def test_a_seed_tells_the_same_story_every_time() -> None:
    assert tell(7).case == tell(7).case


def test_a_mistake_is_found_shrunk_and_printed_as_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that forgets pauses, the mistake that peers are known for."""
    right = track.Track.pause

    def forgetful(self: track.Track, at: datetime, _: datetime) -> None:
        right(self, at, at)

    monkeypatch.setattr(track.Track, "pause", forgetful)
    for seed in range(60):
        story = tell(seed)
        difference = first_difference(story)
        if difference is not None:
            break
    else:
        pytest.fail("no seed notices")
    small = shrink(story, difference)
    moves = [move.do for move in small.case.history]
    assert "wait" in moves
    assert len(moves) <= 5
    left = difference_at(small, difference.at)
    assert left is not None
    documents = as_case(small, left).split("# cases/")
    (case,) = yaml.safe_load(documents[-1].partition("\n")[2])["cases"]
    assert [move["do"] for move in case["history"]] == moves
    assert case["expect"]["deadlines"]
