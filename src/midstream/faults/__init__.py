"""A fake Messages API on real loopback sockets that fails the way real ones do.

The model name in a request chooses what happens to it: `ok`, `reset@4`, `in_band:overloaded_error`. If a request has no
model, its id chooses: batch results, the events of a session, the content of a file. `FAMILIES` lists the spellings,
`EXAMPLES` has names that show every fault, `parse` explains a name, and `expectation_of` says how a call for it ends.
`FaultServer` serves them. `FaultServer.script` plans the next requests, whatever model they name, and
`FaultServer.requests` says what happened to the last ones. Standard library only, except for `FaultProxy`: it uses the
HTTP client that comes with the SDK.
"""

from __future__ import annotations

from midstream.faults._answers import DEFAULT_EVENTS
from midstream.faults._families import EXAMPLES, FAMILIES
from midstream.faults._family import Argument, Family
from midstream.faults._latency import Latency, Waits
from midstream.faults._log import End, Served
from midstream.faults._plans import Mix, Plan, Rule, Rules, Sequence, for_any, for_key, for_model
from midstream.faults._proxy import FaultProxy
from midstream.faults._scenario import Expectation, Operation, Scenario
from midstream.faults._scenarios import expectation_of, parse
from midstream.faults._server import FaultServer

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
