"""What the service answers over HTTP: the API, the web page, and who may ask. Nothing is computed here."""
