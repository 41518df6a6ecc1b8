"""What runs without being asked."""

WORKERS = ("relay", "projector", "historian", "analyst", "reactor", "clerk")
