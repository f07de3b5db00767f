"""A local network printer: speaks IPP/1.1 and 2.0 over HTTP, keeps what it "prints" in memory, fails on demand.

Start it with ``python -m sandbox.printer --port 0``; `README.md` beside this file describes queues, faults and the
control API. It shares no code with any IPP client, so that a client's mistakes show.
"""
