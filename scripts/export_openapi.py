"""Write the contract to openapi/openapi.json, or with --check fail where it has drifted."""

import sys
from pathlib import Path

import orjson

from app.main import create_app
from app.settings import ClockMode, Settings

TARGET = Path(__file__).parent.parent / "openapi" / "openapi.json"


def render() -> bytes:
    """Return the document as it is committed: with every route, those of the rehearsal too."""
    settings = Settings(clock=ClockMode.virtual, database_url="sqlite:///:memory:")
    return orjson.dumps(create_app(settings).openapi(), option=orjson.OPT_INDENT_2) + b"\n"


def main() -> int:
    """Write or check; returns the exit code."""
    document = render()
    if "--check" not in sys.argv[1:]:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_bytes(document)
        print(f"wrote {TARGET.name}")
        return 0
    if not TARGET.exists() or TARGET.read_bytes() != document:
        print(
            "openapi/openapi.json has drifted; run python -m scripts.export_openapi",
            file=sys.stderr,
        )
        return 1
    print("openapi/openapi.json is what the routes say")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
