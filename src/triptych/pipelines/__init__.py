"""One package a workload; they never import each other."""
