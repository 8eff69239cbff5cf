"""Drift: takes measurements of what was asked and those kept beside the model, gives how far they are apart."""

DRIFT_REFERENCE = "drift_reference.parquet"
"""The reference among a registered model's artifacts."""
