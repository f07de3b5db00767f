"""Tell whether code that a person typed into Odoo is on the stack.

A server action, an automation rule, a scheduled action or a template runs text from the database in the session of
whoever triggers it. Such text must not be able to open personal data with that person's grant and keep it. A
scheduled action that does nothing but call one method is no danger: it never holds what the method returns. An
expression is one, whatever it calls: its value is what it is evaluated for.
"""

from __future__ import annotations

import ast
import builtins
import sys
from functools import lru_cache

from odoo.tools import safe_eval as safe_eval_module

_SAFE_EVAL = safe_eval_module.safe_eval.__code__
#: What typed code runs with is never this: ``safe_eval`` and QWeb give it a short list of functions of their own. So a
#: function that typed code leaves behind, to be called when it is itself long gone, is still known for what it is.
_BUILTINS = vars(builtins)


@lru_cache(maxsize=256)
def is_plain_calls(source: str) -> bool:
    """Tell whether ``source`` consists of statements that each call one method with constant arguments.

    ``model._cron_import()`` and ``env["a"].search([]).run(limit=3)`` do; an assignment, an expression that uses a
    result, or an argument that is computed does not, nor does a reveal that is begun here instead of in a method.
    """
    try:
        tree = ast.parse(source.strip())
    except SyntaxError:
        return False
    return all(isinstance(node, ast.Expr) and _is_call_chain(node.value) for node in tree.body)


def _is_call_chain(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            if not all(_is_constant(argument) for argument in arguments):
                return False
            node = node.func
        elif isinstance(node, ast.Attribute) and node.attr != "reveal":
            node = node.value
        elif isinstance(node, ast.Subscript) and _is_constant(node.slice):
            node = node.value
        else:
            return False
    return node.id in ("model", "env", "record", "records")


def _is_constant(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def is_evaluated() -> bool:
    """Tell whether typed code that could keep a result is among the callers."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _SAFE_EVAL:
            source = frame.f_locals.get("expr")
            if frame.f_locals.get("mode") != "exec" or not isinstance(source, str) or not is_plain_calls(source):
                return True
        elif _is_typed(frame) and not _is_statement(frame):
            return True
        frame = frame.f_back
    return False


def is_typed() -> bool:
    """Tell whether any typed code is among the callers: what takes a person's own hand is not done by a call either."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _SAFE_EVAL or _is_typed(frame):
            return True
        frame = frame.f_back
    return False


def _is_typed(frame) -> bool:
    return frame.f_builtins is not _BUILTINS


def _is_statement(frame) -> bool:
    """Tell whether this is the code itself that ``safe_eval`` runs, which is judged by its source, and no function."""
    return frame.f_back is not None and frame.f_back.f_code is _SAFE_EVAL
