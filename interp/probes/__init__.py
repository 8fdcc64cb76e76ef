"""Probes: one file each. Importing this package registers them."""

from interp.probes import (
    activation_patching,
    attention_edges,
    attention_pattern,
    attribution_patching,
    circuit_nodes,
    direct_logit_attribution,
    edge_patching,
    head_ablation,
    key_query_heads,
    layer_modulation,
    layer_span,
    logit_lens,
    paths,
    residual_edge,
)
from interp.probes.base import Probe, Reading, probes

__all__ = [
    "Probe",
    "Reading",
    "activation_patching",
    "attention_edges",
    "attention_pattern",
    "attribution_patching",
    "circuit_nodes",
    "direct_logit_attribution",
    "edge_patching",
    "head_ablation",
    "key_query_heads",
    "layer_modulation",
    "layer_span",
    "logit_lens",
    "paths",
    "probes",
    "residual_edge",
]
