"""The JSON Schema of metrics.json: the run, and for every kind of probe what it concludes."""

from __future__ import annotations

from pydantic.json_schema import JsonSchemaValue

from interp.analysis.findings_of_run import Metrics
from interp.probes import probes

REF = "#/$defs/{model}"


def metrics_schema() -> JsonSchemaValue:
    """A probe's entry is held against what its kind says; of a kind that says nothing, only `kind` is."""
    schema = Metrics.model_json_schema(ref_template=REF)
    entries = schema["properties"]["probes"]["additionalProperties"]
    cases = []
    for kind in probes:
        findings = probes[kind].findings.model_json_schema(ref_template=REF)
        schema["$defs"] |= findings.pop("$defs", {}) | {findings["title"]: findings}
        held = {"$ref": REF.format(model=findings["title"])}
        cases.append({"if": {"properties": {"kind": {"const": kind}}}, "then": held})
    schema["properties"]["probes"]["additionalProperties"] = {"allOf": [entries, *cases]}
    return schema
