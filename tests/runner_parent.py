"""A user's script that runs a plan in a process of its own, so that it can be killed. It has no main guard."""

import json
import sys
from pathlib import Path

from runner_plans import plan_of

from suite.errors import SuiteError
from suite.runner.run import run_plan

out = Path(sys.argv[1])
options = json.loads(sys.argv[2])
plan = plan_of(*options.pop("models"), keep_models="none", seeds=tuple(options.pop("seeds", [1])))
try:
    outcome = run_plan(plan, out=out, cache_root=out, executor="runner_executors:execute", progress="lines", **options)
except SuiteError as error:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
except KeyboardInterrupt:
    sys.exit(130)
heavy = [name for name in ("tensorflow", "keras", "sklearn", "sqlalchemy", "pebble") if name in sys.modules]
print(json.dumps({"counts": outcome.counts, "new": outcome.new, "imported": heavy}))
