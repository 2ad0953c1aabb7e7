"""Word that a restore has ended, by webhook and by e-mail."""
