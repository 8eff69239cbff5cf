"""Three reference machine-learning workloads in one Kedro project."""

import os

__version__ = "0.1.0"

# LightGBM's and torch's threads spin while they wait for each other. Beside any other load on the machine that
# made training 30 times slower (62 s against 2 s); the setting is read when the OpenMP library loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
