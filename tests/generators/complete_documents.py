"""One valid document of each kind that uses nearly every field, in a file with one value a line, so that each value has its own line."""

import contextlib
import copy
from pathlib import Path
from typing import Any, NamedTuple

from conftest import ROOT
from ruamel.yaml import YAML

from cjsim.lab.experiment import Experiment
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.tuning.study import Study
from cjsim.yaml.document import Document
from cjsim.yaml.tree import Node, read_yaml_file

WORLDS = ROOT / "tests" / "worlds"
FILE = Path("wrong.yaml")
HOLDOUT = "policy.flows.greet.holdout"


class CompleteDocument(NamedTuple):
    """A valid document, and the paths of its values that make up most of the file and that another document covers."""

    model: type[Document]
    root: Node
    covered: tuple[str, ...] = ()


def complete_documents(folder: Path) -> dict[str, CompleteDocument]:
    """The documents by name. `folder` is for the file that is written and read."""
    scenario = Scenario.load(WORLDS / "every_construct.yaml").source().plain()
    tiny = Scenario.load(WORLDS / "tiny.yaml").source().plain()
    study = Study.load(WORLDS / "study.yaml").source().plain()
    scenario["currency"] = "EUR"
    scenario["accept_warnings"] = {"journey.messages": "for tests"}
    scenario["journey"]["accept_warnings"] = {"messages": "for tests"}
    scenario["policy"]["accept_warnings"] = {"flows": "for tests"}
    scenario["sources"] = {"discount_rate": {"claim": "for tests"}}
    scenario["journey"]["sources"] = {"events": "assumed"}
    scenario["policy"]["sources"] = {"costs": {"terms": "for tests"}}
    _add_missing_fields(scenario)
    study |= {"objectives": [{"metric": "clv", "direction": "maximize"}]}
    study["constraints"] += [{"metric": "open_rate", "at_least": 0}]
    study["mixes"]["messages"]["at_least"] = 0.1
    study["free"]["policy.guardrails.caps[0].per"] = {"choices": ["1d", "7d", "14d"]}
    (folder / "draws.csv").write_text("journey.channels.email.cost\n0.2\n0.3\n", encoding="utf-8")
    study["draws"] = {"file": str(folder / "draws.csv"), "rows": 2, "aim": "lower_tail", "tail": 0.2}
    bare = {**tiny, "name": "bare", "policy": {"name": "none"}}
    gaps = {"policy": {"guardrails": {"gaps": [{"at_least": "1d"}]}}}
    variants = {"less": {"set": {HOLDOUT: 0.5}}, "more": {"merge": gaps}, "other": {"scenario": bare}}
    free = {"n": 2, "free": {HOLDOUT: {"low": 0.1, "high": 0.2}}}
    inside = ("scenario.", "variants.other.scenario.")
    return {
        "scenario": _written(folder, Scenario, scenario),
        "journey": _written(folder, Journey, scenario["journey"]),
        "policy": _written(folder, Policy, scenario["policy"]),
        "study": _written(folder, Study, study, inside),
        "experiment": _written(folder, Experiment, _experiment(tiny, variants=variants), inside),
        "grid": _written(folder, Experiment, _experiment(tiny, sweep={"grid": {HOLDOUT: [0.1, 0.2]}}), inside),
        "rows": _written(folder, Experiment, _experiment(tiny, sweep={"list": [{HOLDOUT: 0.1}, {HOLDOUT: 0.2}]}), inside),
        "sobol": _written(folder, Experiment, _experiment(tiny, sweep={"sobol": free}), inside),
    }


def _add_missing_fields(scenario: dict[str, Any]) -> None:
    """Add the fields that the world with every construct does not use, because a change of it would change recorded results."""
    journey, policy = scenario["journey"], scenario["policy"]
    scenario |= {"value_horizon": "150d", "existing": {"customers": 50, "years": 0.5, "policy": copy.deepcopy(policy)}}
    events, weekly = journey["events"], {"weekdays": ["monday"], "every_weeks": 2, "at": "06:00", "time_zone": "firm"}
    events["weekly"] = {"in": ["member"], "wait": {"calendar": weekly}, "effects": [{"satisfy": 0.01}]}
    quarterly = {"days_of_month": [1], "every_months": 3, "at": "06:00"}
    events["quarterly"] = {"in": ["member"], "wait": {"calendar": quarterly}, "effects": [{"satisfy": 0.01}]}
    journey["stages"]["visitor"] |= {"blocked": ["gone"], "question": "What is it?"}
    persona = next(iter(journey["personas"].values()))
    persona |= {"goal": "Rest", "blockers": ["Work"], "success_markers": ["Sleep"], "detours": ["Coffee"]}
    moment = next(name for name, one in journey["moments"].items() if isinstance(one, dict))
    journey["moments"][moment] |= {"owner": "us", "metric": "conversion"}
    journey["messages"]["letter"]["sway"] = {touch: {"browse": {"curious": 0.5}} for touch in ("delivered", "opened", "clicked")}
    policy["guardrails"]["caps"][1]["drop_after"] = "2d"
    policy["guardrails"]["blackouts"][0]["time_zone"] = "customer"
    policy["flows"]["autumn"]["on"]["time_zone"] = "customer"
    policy["flows"]["lead"]["steps"][1]["wait_until"]["typical"] = "19:30"
    policy["flows"]["unread"]["steps"][0]["wait_until"]["time_zone"] = "firm"
    policy["desks"]["help"]["promised"] = True


def _experiment(scenario: dict[str, Any], **variants: Any) -> dict[str, Any]:
    claim = {"claim": "any", "metric": "clv", "direction": "rises", "by": "8 %", "watch": ["opt_outs"], "decide": {"confidence": 0.9}}
    size = {"customers": 100, "seed": 3, "replications": 2}
    return {
        "name": "trial",
        "title": "A trial",
        "hypothesis": "More.",
        "claimed_by": "us",
        "scenario": scenario,
        **variants,
        **claim,
        **size,
    }


def _written(folder: Path, model: type[Document], data: dict[str, Any], covered: tuple[str, ...] = ()) -> CompleteDocument:
    """The document, read from a file with one value a line. Locations contain the name of the file without its folder."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output, yaml.width = False, False, 1000
    with contextlib.chdir(folder):
        with FILE.open("w", encoding="utf-8") as file:
            yaml.dump(data, file)
        return CompleteDocument(model, read_yaml_file(FILE), covered)
