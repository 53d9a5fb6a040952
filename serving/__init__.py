"""Release to answers: the search service, on BentoML."""
