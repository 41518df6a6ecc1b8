"""What runs without being asked."""

WORKERS = ("relay", "projector", "analyst", "reactor")
