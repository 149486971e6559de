"""Records to words, tables, charts and one HTML page: nothing is computed here."""
