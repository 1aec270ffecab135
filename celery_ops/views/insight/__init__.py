"""What tasks did over time: charts, and the same as JSON."""
