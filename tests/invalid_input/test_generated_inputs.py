"""Wrong inputs generated from the schemas: each is rejected with one short message that gives the line and says what to do."""

import re
from collections.abc import Iterator

import pytest
from complete_documents import CompleteDocument, complete_documents
from wrong_inputs import WrongInput, WrongInputs

from cjsim.errors import InputError
from cjsim.yaml.paths import location_of, path_text

KINDS = ("scenario", "journey", "policy", "study", "experiment", "grid", "rows", "sobol")
MESSAGE = re.compile(r"wrong\.yaml:\d+: (\S.*: )?must .*, got .*\. \S.*[.?)]")
MAX_SAMPLE = 300
MAX_LINES, MAX_CHARS = 5, 600  # five lines of 120 columns
BLAND = ("Correct the value.", "Write another value.", "must be valid (")
# Values that decide together; the message gives the line of one of them.
RELATED = {"Study.pairing": ("racing",), "Study.draws": ("draws", "file")}
REPEATABLE = ("Event.speed", "PurchaseTerms.times", "EmpiricalTime.values", "EmpiricalMoney.values")
# Fields that no complete document has, apart from the labels of steps.
UNCOVERED = {"Entry.file", "Free.also", "SobolSweep.mixes", "Staffing.wage_per_hour"}


def reason_to_accept(kind: str, wrong: WrongInput) -> str:
    """Why a document with this value is valid; empty if it must be rejected."""
    if wrong.fault == "a duplicate item" and (isinstance(wrong.value[-1], dict) or wrong.field in REPEATABLE):
        return "effects, steps and rules, factors, and values of a sample may be repeated"
    if wrong.type == "boolean" and wrong.value in ("off", "yes"):
        return "words for true and false are read as in YAML 1.1"
    if kind == "policy" and "misspelled name" in wrong.fault:
        return "the names are those of the journey, which a scenario adds"
    if wrong.field == "Moment.metric" and "misspelled name" in wrong.fault:
        return "a metric with this name may be registered later; `check` reports unknown names"
    if kind == "journey" and "condition" in wrong.fault:
        return "a policy may set the tag"
    return ""


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompleteDocument]:
    return complete_documents(tmp_path_factory.mktemp("documents"))


def wrong_inputs(kind: str, document: CompleteDocument) -> Iterator[WrongInput]:
    """The wrong inputs of a document, without those inside a document that another test covers."""
    for wrong in WrongInputs(document.model, document.root).all():
        text = path_text(wrong.path)
        if text.startswith(document.covered or ("-",)) or (kind in ("grid", "rows", "sobol") and not text.startswith("sweep")):
            continue
        if kind == "scenario" and (
            text.startswith(("journey.", "existing.policy.")) or (text.startswith("policy.") and "name" not in wrong.fault)
        ):
            continue  # tested as a journey and as a policy
        yield wrong


def one_of_each(wrong: Iterator[WrongInput]) -> list[WrongInput]:
    """The first wrong input for each fault of each type of value, and every third of them if they are many."""
    found = list({(one.fault, one.type): one for one in reversed(list(wrong))}.values())
    return found[:: 3 if len(found) > MAX_SAMPLE else 1]


def objection(kind: str, document: CompleteDocument, wrong: WrongInput) -> str:
    """What is wrong with the answer to a wrong input; empty if nothing is."""
    try:
        document.model.from_tree(wrong.tree)
    except InputError as error:
        return objection_to_message(f"{error}", document, wrong)
    return "" if reason_to_accept(kind, wrong) else "accepted"


def objection_to_message(message: str, document: CompleteDocument, wrong: WrongInput) -> str:
    lines = message.split("\n")
    if not all(MESSAGE.fullmatch(line) for line in lines if not line.startswith("(")):
        return f"not of the form of messages: {message}"
    if len(lines) > MAX_LINES or len(message) > MAX_CHARS:
        return f"too long: {message}"
    if any(word in message for word in BLAND):
        return f"does not say what to do: {message}"
    if not any(line.startswith(f"{place}: ") for line in lines for place in places_of(document, wrong)):
        return f"another line than {wrong.line}: {message}"
    if wrong.meant and not re.search(rf"['.]{re.escape(wrong.meant)}['.]", message.partition(", got ")[2].partition(". ")[2]):
        return f"does not suggest {wrong.meant}: {message}"
    return ""


def places_of(document: CompleteDocument, wrong: WrongInput) -> set[str]:
    """Lines that the message may give: of the value, or of the mapping whose keys must fit together."""
    above = wrong.path[:-1] or wrong.path
    related = {location_of(document.root, RELATED[wrong.field])} if wrong.field in RELATED else set()
    if wrong.field == "Sweep.grid":  # a list of values for a path that does not exist
        related = {location_of(document.root, (*wrong.path, wrong.meant, 0))}
    return {wrong.line, location_of(document.root, above), location_of(document.root, wrong.path), *related}


@pytest.mark.parametrize("kind", KINDS)
def test_one_wrong_input_for_each_fault_of_each_type_is_explained(kind: str, documents: dict[str, CompleteDocument]) -> None:
    document = documents[kind]
    found = [(f"{wrong}", objection(kind, document, wrong)) for wrong in one_of_each(wrong_inputs(kind, document))]
    assert [f"{wrong}: {text}" for wrong, text in found if text] == []
    assert len(found) > 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_wrong_input_is_explained(kind: str, documents: dict[str, CompleteDocument]) -> None:
    document = documents[kind]
    assert [f"{one}: {text}" for one in wrong_inputs(kind, document) if (text := objection(kind, document, one))] == []


def test_documents_have_every_field(documents: dict[str, CompleteDocument]) -> None:
    present, declared = set(), set()
    for document in documents.values():
        wrong = WrongInputs(document.model, document.root)
        present |= {place.field for place in wrong.places()}
        declared |= wrong.fields()
    missing = {field for field in declared - present if not field.endswith((".label", ".extends", ".set"))}
    assert missing == UNCOVERED


def test_valid_documents_are_accepted(documents: dict[str, CompleteDocument]) -> None:
    names = {kind: document.model.from_tree(document.root).source().plain()["name"] for kind, document in documents.items()}
    assert names["study"] == "reminders"


def test_an_unexplained_value_is_found(documents: dict[str, CompleteDocument]) -> None:
    journey = documents["journey"]
    wrong = next(one for one in wrong_inputs("journey", journey) if one.fault == "a misspelled name" and len(one.path) > 2)
    assert objection_to_message("wrong.yaml:1: name: must be text, got 1.", journey, wrong).startswith("not of the form")
    assert objection_to_message("wrong.yaml:1: name: must be text, got 1. Correct it.", journey, wrong).startswith("another line")
    assert objection_to_message(f"{wrong.line}: a: must be text, got 1. Correct it.", journey, wrong).startswith("does not suggest")
