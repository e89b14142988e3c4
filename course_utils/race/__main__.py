"""Race a recipe to the floor: python -m course_utils.race RECIPE.py

RECIPE is a file, or the name of one that ships: adamw, muon, readme. It trains on the
course's stories within a budget, once for each seed, in a sandbox, and is measured on
stories that nobody has seen. Its place is its gap to the lowest possible loss, in nats
per token. Without RECIPE, the tables so far are printed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.console import prepare_console, stop_like_control_c
from course_utils.exercises.grading.processes import NoSandboxError, Sandboxed, Trusted
from course_utils.files import locked
from course_utils.race import ranking, recipes
from course_utils.race.rules import Fault, Rules, read_recipe
from course_utils.race.running import RACING, Runner, race, table_for
from course_utils.race.stories import to_learn_from

KEPT = Path("runs") / "race"
LONGEST = 600.0  # seconds, where tokens are what is limited
NO_SANDBOX = (
    "Somebody else's recipe is a program, and this is what keeps it from your files "
    "and from what it is measured by. On Debian and Ubuntu `apt install bubblewrap` "
    "installs it (Linux only). --trust runs recipes without a sandbox: your own, or "
    "of people whom you trust; they stand in a table of their own."
)


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    found = argparse.ArgumentParser(
        prog="python -m course_utils.race", description=__doc__.split("\n\n")[1]
    )
    found.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help="a file, or one that ships"
    )
    budget = found.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, default=60.0, help="the budget (60)")
    budget.add_argument(
        "--tokens", type=int, help="or: so many tokens, to be read within 10 minutes"
    )
    found.add_argument("--threads", type=int, default=2, help="for the recipe (2)")
    found.add_argument(
        "--parameters", type=int, default=250_000, help="at most so many (250,000)"
    )
    found.add_argument("--seeds", type=int, default=5, help="how many, from 0 on (5)")
    found.add_argument(
        "--trust", action="store_true", help="run the recipe without a sandbox"
    )
    found.add_argument(
        "--out", type=Path, default=KEPT, help="where results are kept (runs/race)"
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    given = parser().parse_args(arguments)
    try:
        if given.recipe is None:
            return _show_all(given.out)
        return _race(given)
    except NoSandboxError as error:
        print(f"error: {error}. {NO_SANDBOX}", file=sys.stderr)
    except Fault as fault:
        print(f"error: {given.recipe}: {fault}.", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 1


def _race(given: argparse.Namespace) -> int:
    if given.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {given.seeds}")
    rules = Rules(
        seconds=given.seconds if given.tokens is None else LONGEST,
        tokens=given.tokens,
        threads=given.threads,
        max_parameters=given.parameters,
    )
    path = Path(given.recipe)
    if given.recipe in recipes.NAMES:
        path = recipes.path_of(given.recipe)
    recipe = read_recipe(path)
    # First of all: its processes are forked from this one while that has done nothing.
    with (Trusted if given.trust else Sandboxed)(RACING) as places, locked(given.out):
        stories = to_learn_from(rules, given.out / "stories.npy", show=True)
        runner = Runner(rules, stories, places)
        table = table_for(rules, not given.trust, given.out)
        print(f"{path.stem}: {rules.budget}, {given.seeds} seeds", flush=True)
        race(runner, path.stem, recipe, range(given.seeds), table, _report)
    print(ranking.as_text(table))
    return 0


def _report(run: dict, was_there: bool) -> None:
    how = "finished before" if was_there else f"{run['seconds']:.0f} s"
    found = f"gap {run['gap']:.4f} ± {run['error']:.4f} nats per token"
    print(f"seed {run['seed']}: {found} ({how})", flush=True)


def _show_all(out: Path) -> int:
    tables = sorted(path.parent for path in out.glob("table-*/terms.json"))
    tables = [t for t in tables if ranking.entries(t) or ranking.faults(t)]
    if not tables:
        print(f"No race has been run yet: {out} holds none. Try: course race readme")
    print("\n\n".join(map(ranking.as_text, tables)))
    return 0


if __name__ == "__main__":
    prepare_console()
    stop_like_control_c()
    sys.exit(main())
