"""The log of what happened to customers: written while it is made, read back, checked, handed to other tools."""

from cjsim.eventlog.log import EventLog
from cjsim.eventlog.writer import LogNames, LogWriter

__all__ = ["EventLog", "LogNames", "LogWriter"]
