"""What the papers say, and what results/ says of it: the ledger, and the judging of it."""
