"""An open-loop load test over HTTP. It knows the service by its addresses alone, and imports nothing else of Aisle."""
