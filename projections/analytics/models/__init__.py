"""What the past of many customers says about the future of each: models fitted by maximum likelihood, over arrays."""
