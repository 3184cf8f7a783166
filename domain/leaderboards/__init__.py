"""Boards: the rankings of competitions, truth in PostgreSQL and a picture in Redis."""
