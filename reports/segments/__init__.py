"""Segments: who is meant by a definition. `definition` reads one, `known` holds it against what there is, `compiler`
makes one query of it, `members` asks the query. `reports.services.segments` keeps definitions under a name.
"""
