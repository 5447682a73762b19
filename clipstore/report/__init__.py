"""From verdicts to one HTML page. Only `figures` imports plotly."""
