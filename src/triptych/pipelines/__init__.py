"""A package for each registered pipeline, the only place where a workload meets Kedro; Kedro finds them itself."""
