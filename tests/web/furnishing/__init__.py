"""What a furnished site has in it, part by part. Everything is made through the API, in a fixed order and
with fixed content; times count from the hour in which it is made, because live search forgets the past."""
