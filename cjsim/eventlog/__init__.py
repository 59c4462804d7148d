"""Event logs: written during a simulation, read back, imported from other systems with checks, exported to other tools."""

from cjsim.eventlog.columns import LogCodeNames
from cjsim.eventlog.event_table import EventLog
from cjsim.eventlog.parquet_writer import LogWriter

__all__ = ["EventLog", "LogCodeNames", "LogWriter"]
