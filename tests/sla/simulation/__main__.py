"""Compare seeds by hand: `python -m tests.sla.simulation 17` or `... 0 5000` for a range."""

import sys

from tests.sla.simulation.comparing import check


def main() -> int:
    first, *rest = (int(text) for text in sys.argv[1:3])
    failed = 0
    for seed in range(first, rest[0] if rest else first + 1):
        try:
            check(seed)
        except AssertionError as difference:
            failed += 1
            sys.stdout.write(f"{difference}\n")
    sys.stdout.write(f"{failed} seeds differ\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
