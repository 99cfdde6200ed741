"""What Python has and JSON has not, and what its operators do: used by whoever shows, reads or works out a value."""
