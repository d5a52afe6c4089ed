"""A fake Messages API on real loopback sockets that fails the way real ones do.

The model name in a request picks what happens to it: `ok`, `reset@4`, `in_band:overloaded_error`. Where a request
has no model, as for the results of a batch, the events of a session and the content of a file, its id does.
`FAMILIES` lists the spellings, `EXAMPLES` names that show every fault, `parse` says what a name stands for,
`expectation_of` how a call for it ends, `FaultServer` serves them. `FaultServer.script` says what happens to the next
requests whatever model they name, `FaultServer.requests` what happened to the last ones. Standard library only.
"""

from __future__ import annotations

from midstream.faults.expectations import Operation, expectation_of
from midstream.faults.latency import Latency, Waits
from midstream.faults.log import End, Served
from midstream.faults.mixes import Mix
from midstream.faults.plans import Plan, Sequence
from midstream.faults.proxy import FaultProxy
from midstream.faults.rules import Rule, Rules, for_any, for_key, for_model
from midstream.faults.scenarios import (
    DEFAULT_EVENTS,
    EXAMPLES,
    FAMILIES,
    Argument,
    Expectation,
    Family,
    Scenario,
    parse,
)
from midstream.faults.server import FaultServer

__all__ = (
    "DEFAULT_EVENTS",
    "EXAMPLES",
    "FAMILIES",
    "Argument",
    "End",
    "Expectation",
    "Family",
    "FaultProxy",
    "FaultServer",
    "Latency",
    "Mix",
    "Operation",
    "Plan",
    "Rule",
    "Rules",
    "Scenario",
    "Sequence",
    "Served",
    "Waits",
    "expectation_of",
    "for_any",
    "for_key",
    "for_model",
    "parse",
)
