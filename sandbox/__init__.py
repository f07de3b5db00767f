"""A local Amazon: Login with Amazon and the Selling Partner API on one port, with state, quotas and faults on demand.

Start it with ``python -m sandbox --port 0 --state sandbox.sqlite``; `README.md` beside this file describes the
endpoints and the control API. The market that fills it lives in `sandbox.market`.
"""
