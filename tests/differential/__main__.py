"""``python -m tests.differential``: run all scenarios and sum up how they went.

With words as arguments: only the scenarios whose ids contain one of them, with every difference
but the security headers.
"""

import sys
import traceback
from collections import Counter

from tests.differential.harness import Difference, Result, load, result
from tests.differential.intended import GENERAL, PARTICULAR


def main(words: list[str]) -> int:
    """Print the summary; the exit code is 1 when there are differences that are not meant."""
    ids = [key for key in load() if not words or any(word in key for word in words)]
    results, broken = {}, 0
    for key in ids:
        try:
            results[key] = result(key)
        except Exception:
            broken += 1
            print(f"{key} did not run to its end:\n{traceback.format_exc(limit=-4)}")
    failed = {key: each for key, each in results.items() if each.unknown or each.stale}
    for key, each in results.items() if words else failed.items():
        for difference in _shown(each) if words else each.unknown:
            print(f"{key}: {difference}")
        for where in each.stale:
            print(f"{key}: intended.py names {where!r}, where there is no difference any more")
    shown = Counter(
        name
        for each in results.values()
        for name in {d.general for d in each.differences if d.general}
    )
    differing = [key for key in ids if key in PARTICULAR]
    print(f"{len(ids)} scenarios")
    same = len(ids) - len({*differing, *failed}) - broken
    print(f"{same} the same, but for general differences:")
    for general in GENERAL:
        print(f"    {general.name}: in {shown[general.name]}")
    print(f"{len(differing)} with an intended difference of their own")
    print(f"{len(failed)} with a difference that is not intended")
    print(f"{broken} that did not run to their end")
    return 1 if failed or broken else 0


def _shown(outcome: Result) -> list[Difference]:
    """Return the differences of a scenario, without those that are in every scenario."""
    return [each for each in outcome.differences if each.general != "security headers"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
