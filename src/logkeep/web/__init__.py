"""The web app: pages over the JSON API."""
