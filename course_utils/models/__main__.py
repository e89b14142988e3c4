"""The command that ships a model: from a finished training run to the package."""

import argparse
import json

from course_utils.console import prepare_console
from course_utils.models import NAMES, ship

if __name__ == "__main__":
    prepare_console()
    parser = argparse.ArgumentParser(prog="python -m course_utils.models")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("run", help="the folder of a finished training run")
    given = parser.parse_args()
    print(json.dumps(ship(given.name, given.run), indent=2))
