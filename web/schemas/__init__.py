"""Bodies, queries and answers of the API, one file per noun."""
