"""The embedded catalog: fashion products drawn so that Aisle can be tried with no network."""
