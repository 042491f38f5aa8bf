"""The benchmark of memwatch: one module for each story, started by Benchmarks/run.py.

`rows` holds the figures to reach, `session` what a measurement may use, the modules named in
`run.MODULES` measure, `table`, `page` and `charts` show. Python's standard library is all it needs.
"""
