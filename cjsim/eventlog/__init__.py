"""The log of what happened to customers: written while it is made, read back, checked, handed to other tools."""

from cjsim.eventlog.columns import LogCodeNames
from cjsim.eventlog.event_table import EventLog
from cjsim.eventlog.parquet_writer import LogWriter

__all__ = ["EventLog", "LogCodeNames", "LogWriter"]
