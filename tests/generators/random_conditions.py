"""Random conditions of journeys and policies."""

from chooser import COUNTRIES, SCORES, TAGS, Chooser, ScenarioNames


def random_term(chooser: Chooser, names: ScenarioNames, *, latent: bool) -> str:
    """A number that a condition can use; in conditions of a journey (`latent`), one that does not drift with time."""
    events, stages = (names.all_events, names.stages) if latent else (names.observed_events, names.observed_stages)
    words = ["purchases", "contacts", "opens", "clicks", "revenue / 10", "unopened", "referrals"]
    calls: dict[str, tuple[str, ...]] = {"count": events, "visited": stages, "score": ("sum",) if latent else SCORES}
    calls |= dict.fromkeys(("contacts", "opens", "clicks", "unopened"), names.channels)
    calls |= dict.fromkeys(("sent", "opened", "clicked"), names.messages) | {"redeemed": names.offers, "asks": names.desks}
    if latent:
        words += ["pace * 2", "fickle + half"]
    else:
        words += [
            "days_since_purchase",
            "days_since_contact",
            "days_since_entry",
            "days_in_stage",
            "hour / 6",
            "weekday",
            "day - 5",
            "20 - day",
        ]
        calls |= {"days_since": events, "days_since_contact": names.channels}
    if chooser.chance(50):
        return chooser.choice(words)
    call = chooser.choice([name for name, choices in calls.items() if choices])
    return f"{call}({chooser.choice(calls[call])})"


NAMED_PREDICATES = ("tagged", "consent", "stage", "stages", "country", "latent", "held_out", "has_offer", "acquired")
PREDICATE_KINDS = ("compared", *NAMED_PREDICATES, "latent", *("compared", "sum", "chain") * 3)


def random_predicate(chooser: Chooser, names: ScenarioNames, *, latent: bool) -> str:
    """A term that is true or false."""
    kind = chooser.choice(PREDICATE_KINDS)
    stages = names.stages if latent else names.observed_stages
    if kind in ("tagged", "consent"):
        return f"{kind}({chooser.choice(TAGS if kind == 'tagged' else names.channels)})"
    if kind == "stage":
        return f"stage == {chooser.choice(stages)}"
    if kind == "stages":
        return f"stage in [{', '.join(chooser.subset(stages, min_size=1))}]"
    if kind == "held_out":
        return "held_out == 0"
    if kind == "has_offer" and names.offers and not latent:
        return f"has_offer({chooser.choice(names.offers)})"
    if kind == "acquired" and names.acquisition_channels:
        return f"acquired_by in [none, {names.acquisition_channels[0]}]"
    if kind == "latent" and latent and names.interests:
        return f"interest == {chooser.choice(names.interests)}"
    if kind == "latent" and latent:
        return f"persona != {chooser.choice(names.personas)}"
    here = random_term(chooser, names, latent=latent)
    if kind == "sum":
        return f"{here} + {random_term(chooser, names, latent=latent)} <= {chooser.integer(1, 6)}"
    if kind == "chain":
        return f"-1 <= {here} - 2 * {random_term(chooser, names, latent=latent)} < 8"
    if kind == "compared":
        return f"{here} {chooser.choice(('<', '<=', '>', '>=', '!=', '=='))} {chooser.integer(0, 5)}"
    return f"country != {chooser.choice(COUNTRIES)}"


def random_condition(chooser: Chooser, names: ScenarioNames, *, latent: bool = False) -> str:
    """A condition of a policy, or of a journey's `when` (`latent`)."""
    facts = chooser.list_of(lambda: random_predicate(chooser, names, latent=latent), min_size=1)
    text = chooser.choice((" or ", " and ", " or not ")).join(f"({here})" for here in facts)
    return f"not ({text})" if chooser.chance(20) else text
