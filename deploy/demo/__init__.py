"""The demo company: a made-up business with two years of history, so that an empty system has something to show."""

from deploy.demo.filling import Progress, StepRefused, fill, unfinished
from deploy.demo.history import Step, company

TENANT = "demo"
SEED = 1

__all__ = ["SEED", "TENANT", "Progress", "Step", "StepRefused", "company", "fill", "unfinished"]
