"""Execute a problem's solution on a recorded input and write down, line by line, what happened.

``trace_runner`` is the outside: it decides what to run and judges what comes back. ``sandbox`` starts the caged worker.
Everything else runs inside the cage: ``worker`` forks one process per run, ``confine`` takes that process's last rights
away, ``program`` runs the solution, ``tracer`` writes the trace, ``reprs`` and ``values`` show its values.
"""
