"""The access log's chain: what a row's seal covers, how rows are appended, how a changed one is found.

``chain`` and ``verify`` are arithmetic; ``writer``, ``sealing`` and ``checking`` work on a cursor. Whoever counts rows
before appending uses :func:`writer.cursor`, so that counting and appending are one step.
"""
