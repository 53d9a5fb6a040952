"""The batch half: a catalog becomes a release. `batch.reindex.reindex` is the way in."""
