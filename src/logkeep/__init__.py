"""logkeep: archives every log line into a bucket you own, and restores any stretch of it."""
