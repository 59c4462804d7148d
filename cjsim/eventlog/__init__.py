"""Event logs: writing during a simulation, reading, validated import from other systems, and export to other tools."""

from cjsim.eventlog.event_table import EventLog
from cjsim.eventlog.parquet_writer import LogWriter

__all__ = ["EventLog", "LogWriter"]
