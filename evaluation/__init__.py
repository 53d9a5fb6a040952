"""How well a model and an index answer: relevance against known answers, recall against exact search."""
