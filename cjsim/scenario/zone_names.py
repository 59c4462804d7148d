"""Names of time zones, as in the IANA database, and where to find their data."""

from functools import lru_cache
from importlib import resources
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from cjsim.errors import did_you_mean
from cjsim.yaml.strict_model import FieldError

# The tzdata package is used, so that results do not depend on the machine's own database.
_DATABASE = "tzdata"


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all time zones of the IANA database."""
    return frozenset(resources.files(_DATABASE).joinpath("zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=64)
def zone_of_name(name: str) -> ZoneInfo:
    """Return a time zone.

    Parameters
    ----------
    name : str
        One of `zone_names`.

    Returns
    -------
    ZoneInfo

    Examples
    --------
    >>> str(zone_of_name("Asia/Kathmandu"))
    'Asia/Kathmandu'
    """
    with resources.files(_DATABASE).joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _check_zone_name(value: str) -> str:
    if value not in zone_names():
        near = _zone_with_city(value) or did_you_mean(value, sorted(zone_names())) or "Use a name such as Europe/Berlin or UTC."
        raise FieldError("must be the name of a time zone in the IANA database", near)
    return value


def _zone_with_city(value: str) -> str:
    """Return a remedy for a name that is only a city, such as `berlin`."""
    city = value.strip().lower().replace(" ", "_")
    found = next((name for name in sorted(zone_names()) if name.lower().split("/")[-1] == city), None)
    return "" if found is None else f"Write {found}."


ZoneName = Annotated[str, AfterValidator(_check_zone_name), Field(title="time zone (IANA name)", examples=["Europe/Berlin"])]
