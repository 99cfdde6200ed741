"""Execute a problem's solution on a recorded input and write down, line by line, what happened.

``trace_runner`` is the outside: it decides what to run and judges what comes back. ``sandbox`` starts the caged worker.
Everything else runs inside the cage: ``worker`` forks one process per run, ``confine`` takes that process's last rights
away, ``program`` runs the solution, ``tracer`` writes the trace, ``reprs`` and ``values`` show its values.

An accepted execution can be asked for its evidence: ``evidence_runner`` is the outside of that. Inside, ``witnessing``
runs a copy of the program that ``instrument`` has made, under a tracer (``witness``) that hears from every expression
(``recorder``) and keeps every value (``snapshots``). ``evidence`` is what comes out.
"""
