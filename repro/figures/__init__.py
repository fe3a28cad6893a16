"""Pictures of the paper, drawn from weights and curves. Each function returns or fills a Matplotlib figure."""
