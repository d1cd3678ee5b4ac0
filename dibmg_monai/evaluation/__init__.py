"""What results are worth: figures with their intervals and what chance would reach."""
