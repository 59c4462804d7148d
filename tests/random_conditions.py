"""Random conditions, of journeys and of policies."""

from dice import COUNTRIES, SCORES, TAGS, Dice, Names


def term(dice: Dice, names: Names, *, latent: bool) -> str:
    """A number that a condition may name; one of a journey (`latent`) does not drift as time passes."""
    events, stages = (names.all_events, names.stages) if latent else (names.seen_events, names.seen_stages)
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
    if dice.chance(50):
        return dice.one(words)
    call = dice.one([name for name, choices in calls.items() if choices])
    return f"{call}({dice.one(calls[call])})"


NAMED_FACTS = ("tagged", "consent", "stage", "stages", "country", "latent", "held_out", "has_offer", "acquired")
FACTS = ("compared", *NAMED_FACTS, "latent", *("compared", "sum", "chain") * 3)


def fact(dice: Dice, names: Names, *, latent: bool) -> str:
    """What is so or not."""
    kind = dice.one(FACTS)
    stages = names.stages if latent else names.seen_stages
    if kind in ("tagged", "consent"):
        return f"{kind}({dice.one(TAGS if kind == 'tagged' else names.channels)})"
    if kind == "stage":
        return f"stage == {dice.one(stages)}"
    if kind == "stages":
        return f"stage in [{', '.join(dice.some(stages, least=1))}]"
    if kind == "held_out":
        return "held_out == 0"
    if kind == "has_offer" and names.offers and not latent:
        return f"has_offer({dice.one(names.offers)})"
    if kind == "acquired" and names.arriving:
        return f"acquired_by in [none, {names.arriving[0]}]"
    if kind == "latent" and latent and names.interests:
        return f"interest == {dice.one(names.interests)}"
    if kind == "latent" and latent:
        return f"persona != {dice.one(names.personas)}"
    here = term(dice, names, latent=latent)
    if kind == "sum":
        return f"{here} + {term(dice, names, latent=latent)} <= {dice.whole(1, 6)}"
    if kind == "chain":
        return f"-1 <= {here} - 2 * {term(dice, names, latent=latent)} < 8"
    if kind == "compared":
        return f"{here} {dice.one(('<', '<=', '>', '>=', '!=', '=='))} {dice.whole(0, 5)}"
    return f"country != {dice.one(COUNTRIES)}"


def condition(dice: Dice, names: Names, *, latent: bool = False) -> str:
    """A condition of a policy, or of a journey's `when` (`latent`)."""
    facts = dice.many(lambda: fact(dice, names, latent=latent), least=1)
    text = dice.one((" or ", " and ", " or not ")).join(f"({here})" for here in facts)
    return f"not ({text})" if dice.chance(20) else text
