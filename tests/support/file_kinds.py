"""The kinds of files that cjsim reads, each with a small sample and the call that reads it."""

import contextlib
import gzip
import io
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import ROOT
from damaged_files import FileKind, gzip_bomb
from example_finding import FINDING
from fake_search import FakeEvaluator, load_test_study, run_search, trials_to_json
from typer.testing import CliRunner

import cjsim as cj
from cjsim.attribution.path_reader import read_paths
from cjsim.cli import app
from cjsim.compiler.entry_file import read_entries
from cjsim.errors import InputError
from cjsim.lab.checkpoints import Checkpoints
from cjsim.lab.moments import PairedMoments
from cjsim.lab.report_folder import load_findings
from cjsim.output_folder import atomic_output_folder, require_no_earlier_result
from cjsim.purchase_logs.purchase_log import read_purchases
from cjsim.tuning.parameter_draws import read_parameter_draws
from cjsim.uplift.targeting.rule_tables import TargetingRule
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.file_reader import read_trial

WORLDS = ROOT / "tests" / "worlds"


START = date(2025, 1, 6)
ROLES = ColumnRoles(treatment="arm", outcome="bought")
PURCHASES = [f"u{i % 25},2024-{1 + i % 9:02d}-{1 + i * 7 % 28:02d},{10 + i % 13}.50" for i in range(120)]
TOUCHES = [f"{i % 9},2024-01-{1 + i % 28:02d} 10:00:00,{('ad', 'email', '')[i % 3]},{int(i % 3 == 2)}" for i in range(60)]


@cache
def simulated_run() -> cj.Run:
    return cj.simulate(WORLDS / "touchpoints.yaml", customers=30, log=Path(tempfile.mkdtemp()) / "log.parquet")


def table_text(frame: pd.DataFrame) -> str:
    return f"{frame.to_csv()}{dict(frame.dtypes)}"


def invoke(*arguments: object) -> str:
    """Standard output of a command. If it refuses its input, raise its message as an `InputError`."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exit_code == 2:
        raise InputError(result.stderr.rstrip("\n"))
    if result.exit_code != 0:
        raise AssertionError(f"exit code {result.exit_code}: {result.output}") from result.exception
    return result.stdout


def made_run(folder: Path, name: str) -> Path:
    return simulated_run().save(folder / "run") / name


def read_run(file: Path) -> object:
    run = cj.Run.load(file.parent)
    log = run.log
    assert log is not None
    rows = (len(log), log.columns, table_text(log.to_pandas()), sum(batch.num_rows for batch in log.batches()))
    return run.to_json()["metrics"], table_text(run.customers), table_text(run.truth), rows


def query_log(file: Path) -> object:
    return table_text(cj.EventLog.read(file).query("select event, count(*) as n, max(time) as last from log group by event order by event"))


def read_log(file: Path) -> object:
    return table_text(cj.EventLog.read(file, **({"event": "purchase"} if "purchases" in file.name else {})).to_pandas())


def made_comparison(folder: Path) -> Path:
    return cj.Comparison.of({"now": simulated_run(), "then": simulated_run()}).save(folder / "comparison") / "comparison.json"


def read_comparison(file: Path) -> object:
    return cj.Comparison.load(file.parent).to_json()


def made_journal(folder: Path) -> Path:
    for run in ("aa11", "bb22", "cc33"):
        with atomic_output_folder(folder / "reports" / "carts" / run) as draft:
            assert draft is not None
            FINDING.write(draft)
    return folder / "reports" / "carts" / "bb22" / "manifest.json"


def read_journal(file: Path) -> object:
    """The listing, which names a damaged manifest and lists all others."""
    listed = json.loads(invoke("journal", "--reports", file.parents[2], "--json"))
    invoke("journal", "--reports", file.parents[2])
    assert {Path(entry["run_dir"]).name for entry in listed["findings"]} >= {"aa11", "cc33"}
    if listed["unreadable"]:
        raise InputError("\n".join(listed["unreadable"]))
    return listed["findings"]


@cache
def experiment_files() -> dict[str, bytes]:
    folder = Path(tempfile.mkdtemp())
    data = {"name": "sooner", "hypothesis": "It sells more.", "scenario": str(WORLDS / "tiny.yaml"), "metric": "clv"}
    data |= {
        "direction": "rises",
        "variants": {"half": {"set": {"journey.events.purchase.wait.exponential": "5d"}}},
        "customers": 40,
        "replications": 1,
    }
    cj.experiment(cj.Experiment.from_dict(data), reports=folder)
    return {path.name: path.read_bytes() for path in folder.glob("*/*/*") if path.is_file()}


def made_finding(folder: Path, name: str) -> Path:
    finding = folder / "reports" / "sooner" / "ab12"
    finding.mkdir(parents=True)
    for file, content in experiment_files().items():
        (finding / file).write_bytes(content)
    return finding / name


def read_findings(file: Path) -> object:
    """The findings; None if they are to be computed again."""
    findings = load_findings(file.parent)
    return None if findings is None else findings.to_json()


def show_finding(file: Path) -> object:
    return invoke("journal", "show", "sooner", "--reports", file.parents[2])


def diff_finding(file: Path) -> object:
    return invoke("journal", "diff", "sooner", "sooner:half", "--reports", file.parents[2])


def made_checkpoints(folder: Path) -> Path:
    file = folder / ".ab12.pieces"
    checkpoints = Checkpoints(file)
    for seed in (1, 2, 3):
        checkpoints.put(seed, "half", {"clv": PairedMoments(np.arange(5.0) + seed, np.eye(5) * seed)})
    return file


def read_checkpoints(file: Path) -> object:
    checkpoints = Checkpoints(file)
    kept = [checkpoints.get(seed, "half") for seed in (1, 2, 3)]
    return [None if moments is None else moments["clv"].to_json() for moments in kept]


def is_subset(found: list[object], expected: list[object]) -> bool:
    """Whether the checkpoints that were kept are as they were stored."""
    return all(one is None or one == other for one, other in zip(found, expected, strict=True))


def made_storage(folder: Path, name: str) -> Path:
    run_search(load_test_study(trials=6), storage_of(folder / name))
    return folder / name


def storage_of(file: Path) -> str:
    return f"sqlite:///{file}" if file.suffix == ".db" else str(file)


def read_storage(file: Path) -> object:
    study = load_test_study(trials=6)
    return trials_to_json(run_search(study, storage_of(file), evaluator=FakeEvaluator(study)))


def damage_rows(file: Path, rng: random.Random) -> None:
    """Set a cell of a random table of a SQLite file to a value of another type, or delete rows."""
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        table = rng.choice(tables)
        column = rng.choice([row[1] for row in database.execute(f"pragma table_info({table})")])
        value = rng.choice(("x", -1, 1e300, b"\xff", "{", "[]", "[" * 5000, None, 10**18))
        change = rng.choice((f"update {table} set {column} = ?", f"update or ignore {table} set {column} = ? where rowid = 1"))
        with contextlib.suppress(sqlite3.IntegrityError):
            database.execute(change, (value,))
        if rng.random() < 0.3:
            database.execute(f"drop table {table}" if rng.random() < 0.5 else f"delete from {table}")


def damage_table(file: Path, rng: random.Random) -> None:
    """Rewrite a Parquet file with a column missing, renamed, repeated, of another type or with nulls, or with fewer, more or no rows."""
    table = pq.read_table(file)
    name = rng.choice(table.column_names)
    at = table.column_names.index(name)
    column = table[name]
    strange = (
        pa.array(["x"] * len(table)),
        pa.array([-1] * len(table)),
        pa.array([1e300] * len(table)),
        pa.array([b"\xff"] * len(table)),
        pa.array([[1]] * len(table)),
        pa.array([{"a": 1}] * len(table)),
        pa.nulls(len(table)),
        pa.array(["x"] * len(table)).dictionary_encode(),
        pa.array([2**62] * len(table), pa.timestamp("us")),
        pa.chunked_array([pa.nulls(1, column.type), column.slice(1)]),
        pa.array([float("nan")] * len(table)),
    )
    choice = rng.randrange(6)
    if choice == 0:
        table = table.drop_columns([name])
    elif choice == 1:
        table = table.rename_columns([f"{one}x" if one == name else one for one in table.column_names])
    elif choice == 2:
        table = table.append_column(name, column)
    elif choice == 3:
        table = rng.choice((table.slice(0, 0), table.slice(0, len(table) // 2), pa.concat_tables([table, table])))
    else:
        table = table.set_column(at, name, rng.choice(strange))
    pq.write_table(table, file)


def made_text(folder: Path, name: str, lines: list[str]) -> Path:
    content = ("\n".join(lines) + "\n").encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder / name


def made_frame(folder: Path, name: str, lines: list[str]) -> Path:
    frame = pd.read_csv(io.StringIO("\n".join(lines)))
    if "time" in frame:
        frame["time"] = pd.to_datetime(frame["time"])
    frame.to_parquet(folder / name)
    return folder / name


def made_sheet(folder: Path, lines: list[str]) -> Path:
    pd.read_csv(io.StringIO("\n".join(lines))).to_excel(folder / "purchases.xlsx", index=False)
    return folder / "purchases.xlsx"


def read_purchase_file(file: Path) -> object:
    log = read_purchases(file, customer="customer", time="time", value="value")
    return log.customer_ids.tolist(), log.customer_index.tolist(), log.day.tolist(), log.money.tolist()


def trial_lines() -> list[str]:
    return ["arm,bought,visits,city", *(f"{arm},{i % 2},{i},{'abc'[i % 3]}" for i, arm in enumerate(["none", "mail"] * 20))]


def read_trial_file(file: Path) -> object:
    trial = read_trial(file, ROLES)
    values = {name: outcome.values.tolist() for name, outcome in trial.outcomes.items()}
    return trial.arms, trial.treatment.tolist(), values, table_text(trial.features)


def read_paths_file(file: Path) -> object:
    paths = read_paths(file)
    return repr(paths), paths.touchpoints, paths.conversions.tolist()


def read_entry_file(file: Path) -> object:
    entries = read_entries(file, start=START, traits={"likes": 0}, levels={"country": {"UK": 0, "FR": 1}})
    return entries.entered.tolist(), {name: values.tolist() for name, values in (*entries.traits.items(), *entries.attributes.items())}


def made_worlds(folder: Path, name: str) -> Path:
    for file in WORLDS.iterdir():
        shutil.copy(file, folder / file.name)
    return folder / name


def check_scenario(file: Path) -> object:
    scenario = "every_construct.yaml" if file.name.startswith("every") else file.name
    return invoke("check", file.parent / scenario, "--static")


def made_out_folder(folder: Path) -> Path:
    (folder / "out").mkdir()
    FINDING.write(folder / "out")
    return folder / "out" / "manifest.json"


def refuse_out_folder(file: Path) -> object:
    """The folder is refused whatever its manifest contains, unless that is no file."""
    try:
        require_no_earlier_result(file.parent, "levers")
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the message is not what is tested
        return "refused"
    return "free"


def kinds() -> list[FileKind]:
    """All kinds of files."""
    parquet, text = {"special": (damage_table,)}, {"is_text": True}
    lines = {"paths": ["path,total_conversions,total_null", *(f"ad > email{i},{i},3" for i in range(20))]}
    lines["touches"] = ["customer,time,channel,conversion", *TOUCHES]
    lines["purchases"] = ["customer,time,value", *PURCHASES]
    draws = ["journey.traits.likes.gamma.mean,journey.traits.likes.gamma.shape", *(f"{1 + i / 10},{i + 1}" for i in range(20))]
    entries = ["entered,likes,country", *(f"2025-01-{7 + i % 20:02d},{i / 7},{('UK', 'FR')[i % 2]}" for i in range(30))]

    def text_file(name: str, rows: list[str]) -> Callable[[Path], Path]:
        return lambda folder: made_text(folder, name, rows)

    def frame_file(name: str, rows: list[str]) -> Callable[[Path], Path]:
        return lambda folder: made_frame(folder, name, rows)

    def world(name: str) -> Callable[[Path], Path]:
        return lambda folder: made_worlds(folder, name)

    def finding(name: str) -> Callable[[Path], Path]:
        return lambda folder: made_finding(folder, name)

    def run(name: str) -> Callable[[Path], Path]:
        return lambda folder: made_run(folder, name)

    return [
        FileKind("manifest of a run", run("manifest.json"), read_run, **text),
        FileKind("customers of a run", run("customers.parquet"), read_run, **parquet),
        FileKind("truth of a run", run("truth.parquet"), read_run, **parquet),
        FileKind("log of a run", run("log.parquet"), read_run, **parquet),
        FileKind("metrics of a run", run("metrics.json"), read_run, **text),
        FileKind("log, queried", run("log.parquet"), query_log, **parquet),
        FileKind("log, imported", run("log.parquet"), read_log, **parquet),
        FileKind("comparison", made_comparison, read_comparison, **text),
        FileKind("manifest in the journal", made_journal, read_journal, **text),
        FileKind("findings of an experiment", finding("result.json"), read_findings, is_recovery=lambda found, _: found is None, **text),
        FileKind("report of an experiment", finding("report.md"), show_finding),
        FileKind("document of an experiment", finding("experiment.yaml"), diff_finding, may_have_lines=True, **text),
        FileKind("checkpoints of an experiment", made_checkpoints, read_checkpoints, is_recovery=is_subset, **text),
        FileKind("journal of a study", lambda folder: made_storage(folder, "study.journal"), read_storage, **text),
        FileKind("database of a study", lambda folder: made_storage(folder, "study.db"), read_storage, special=(damage_rows,)),
        FileKind("draws", text_file("draws.csv", draws), lambda file: read_parameter_draws(file), **text),
        FileKind("entries", text_file("entries.csv", entries), read_entry_file, **text),
        FileKind("targeting rule", world("every_construct_rule.json"), lambda file: TargetingRule.load(file).to_json(), **text),
        FileKind("targeting rule of a policy", world("every_construct_rule.json"), check_scenario, may_have_lines=True, **text),
        FileKind("trial, CSV", text_file("trial.csv", trial_lines()), read_trial_file, **text),
        FileKind("trial, gzip", text_file("trial.csv.gz", trial_lines()), read_trial_file, special=(gzip_bomb,)),
        FileKind("trial, Parquet", frame_file("trial.parquet", trial_lines()), read_trial_file, **parquet),
        FileKind("paths, CSV", text_file("paths.csv", lines["paths"]), read_paths_file, **text),
        FileKind("paths, gzip", text_file("paths.csv.gz", lines["paths"]), read_paths_file, special=(gzip_bomb,)),
        FileKind("touches, CSV", text_file("touches.csv", lines["touches"]), read_paths_file, **text),
        FileKind("touches, Parquet", frame_file("touches.parquet", lines["touches"]), read_paths_file, **parquet),
        FileKind("log, CSV", text_file("purchases.csv", lines["purchases"]), read_log, **text),
        FileKind("log, gzip", text_file("purchases.csv.gz", lines["purchases"]), read_log, special=(gzip_bomb,)),
        FileKind("log, Parquet", frame_file("purchases.parquet", lines["purchases"]), read_log, **parquet),
        FileKind("purchases, CSV", text_file("purchases.csv", lines["purchases"]), read_purchase_file, **text),
        FileKind("purchases, gzip", text_file("purchases.csv.gz", lines["purchases"]), read_purchase_file, special=(gzip_bomb,)),
        FileKind("purchases, Parquet", frame_file("purchases.parquet", lines["purchases"]), read_purchase_file, **parquet),
        FileKind("purchases, Excel", lambda folder: made_sheet(folder, lines["purchases"]), read_purchase_file),
        FileKind("scenario", world("touchpoints.yaml"), check_scenario, may_have_lines=True, **text),
        FileKind("journey of a scenario", world("every_construct_journey.yaml"), check_scenario, may_have_lines=True, **text),
        FileKind("study", world("study.yaml"), lambda file: cj.Study.load(file).digest(), may_have_lines=True, **text),
        FileKind("earlier result in --out", made_out_folder, refuse_out_folder, is_recovery=lambda found, _: found == "free", **text),
    ]
