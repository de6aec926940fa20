"""Which unit stands for what, and how sure that is."""

from unitscope.findings.find import find
from unitscope.findings.finding import Finding, Findings, Search

__all__ = ["Finding", "Findings", "Search", "find"]
