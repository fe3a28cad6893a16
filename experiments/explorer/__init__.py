"""results/explorer.html: networks that learned, for the reader to step through."""
