"""Amazon's Selling Partner API in pure Python: no Odoo, no database, nothing personal in a log.

Modules: :mod:`.client` (calls), :mod:`.auth` (tokens), :mod:`.errors`, :mod:`.quota` (token buckets),
:mod:`.documents` (up- and downloads), :mod:`.orders` (payload to business data, personal data and dataclasses),
:mod:`.regions` and :mod:`.operations` (data).
"""
