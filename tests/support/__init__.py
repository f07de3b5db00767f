"""What the system rings stand on: real Odoo processes, real PostgreSQL, the sandbox, a browser. No mock of our own."""
