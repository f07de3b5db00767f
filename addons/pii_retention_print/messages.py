"""Sentences for what printers report."""

from __future__ import annotations

from .ipp import PrinterError
from .ipp.errors import UNKNOWN


def sentence(env, error: PrinterError, printer: str) -> str:
    """Return what happened and what to do, for the person who prints.

    :param printer: its name
    """
    _ = env._
    if error.cause == "address":
        return address_sentence(env, error.detail)
    if error.cause == "format":
        return _(
            "%(printer)s does not take documents of the type %(type)s. Choose another printer, or a queue of a CUPS "
            "server, which converts them.",
            printer=printer,
            type=error.detail or "?",
        )
    if error.cause == "refused" and error.detail == "cancelled":
        return _("The connection to %s broke and the job was taken back; nothing was printed. Try again.", printer)
    if error.cause in UNKNOWN and error.detail != "sent":
        return _("%s did not answer. Nothing was printed; check that it is switched on and try again.", printer)
    texts = {
        "unresolved": _("The host of %s is not known to the network. Check its address.", printer),
        "unreachable": _("%s cannot be reached. Check that it is switched on and connected, then try again.", printer),
        "timeout": _("%s did not answer in time. Look at the printer before you print again.", printer),
        "interrupted": _("The connection to %s broke. Look at the printer before you print again.", printer),
        "tls": _("%s does not speak an encrypted connection as its address demands. Check the address.", printer),
        "certificate": _(
            "The certificate of %s is not trusted. Compare its fingerprint with the printer's display and enter it.",
            printer,
        ),
        "not_authorized": _("%s asks for another user name or password. Enter them in its settings.", printer),
        "busy": _("%s is busy. Printing goes on when it is free.", printer),
        "not_accepting": _("%s takes no jobs at the moment. Resume it at the printer or at its server.", printer),
        "moved": _(
            "%s answers from another address. Enter the new one; documents do not follow by themselves.", printer
        ),
        "not_ipp": _("What answers at the address of %s is no IPP printer. Check host, port and path.", printer),
        "gone": _("%s does not know this queue or job.", printer),
        "not_possible": _("%s cannot do that with the job any more.", printer),
        "unsupported": _("%s does not support this.", printer),
    }
    return texts.get(error.cause) or _(
        "%(printer)s refused the job (%(detail)s).", printer=printer, detail=error.detail or error.cause
    )


def address_sentence(env, code: str) -> str:
    """Return why an address is refused."""
    _ = env._
    return {
        "scheme": _("A printer's address begins with ipps:// or ipp://."),
        "credentials": _("Enter user name and password in their own fields, not in the address."),
        "encryption": _(
            "Documents would cross the network in clear: use ipps://, or an ipp:// address on this machine. A privacy "
            "officer can allow the printer's internal network."
        ),
        "public": _("Outside of the internal network documents travel encrypted only: use ipps://."),
    }.get(code) or _("That is no printer's address. It looks like ipps://printer.example:631/ipp/print.")


def reasons_sentence(env, reasons) -> str:
    """Return what a printer's state reasons mean, empty if there are none worth telling."""
    _ = env._
    known = {
        "media-empty": _("out of paper"),
        "media-needed": _("paper needed"),
        "media-jam": _("paper jam"),
        "cover-open": _("cover open"),
        "door-open": _("door open"),
        "interlock-open": _("cover open"),
        "toner-empty": _("out of toner"),
        "marker-supply-empty": _("out of ink or ribbon"),
        "paused": _("paused"),
        "moving-to-paused": _("paused"),
        "offline": _("offline"),
        "connecting-to-device": _("connecting"),
        "spool-area-full": _("memory full"),
        "stopped-partly": _("partly stopped"),
        "printer-stopped": _("stopped"),
        "shutdown": _("switched off"),
        "other": _("needs attention"),
    }
    return ", ".join(dict.fromkeys(known[reason] for reason in reasons if reason in known))
