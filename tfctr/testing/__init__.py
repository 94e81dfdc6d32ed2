"""The conformance suite, for layers, tables, models, plans and metrics of your own."""

__all__: list[str] = []
