"""The results as a Markdown page and a chart, for people."""
