"""Run in a process of its own: an Odoo that has read all its code and opened no database, and forks for whoever asks.

``python nursery_process.py CONFIG SOCKET MODULES``: CONFIG is an Odoo configuration, of which only the path of the
addons matters here; MODULES are the names of the addons to read, separated by commas. A request (:mod:`.nursery`) is
one packet, ``{"argv": [program, …], "env": {…}, "cwd": …}``, with the file that the child writes to. Answers are
``{"pid": …}`` and, when the child has ended, ``{"code": …}`` as :class:`subprocess.Popen` has it. Who hangs up ends it.
"""

import contextlib
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1
_PACKET = 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def read_code(config_path: str, names: list[str]) -> None:
    """Import Odoo and addons, each after those it depends on."""
    import odoo.cli  # noqa: F401
    from odoo.modules.module import Manifest, load_openerp_module
    from odoo.tools import config

    config.parse_config(["-c", config_path], setup_logging=False)
    seen = set()

    def read(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for other in Manifest.for_addon(name)["depends"]:
                read(other)
            load_openerp_module(name)

    for name in names:
        read(name)


class Nursery:
    """What is open: the listener, a link for each who asked, and a descriptor that tells of each child's end."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._links: dict[socket.socket, int] = {}  # with the child's pid, 0 as long as there is none
        self._ends: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> dict:
        """Answer for ever. Returns in each child, with its request."""
        while True:
            for key, _events in self._selector.select():
                if request := key.data(key.fileobj):
                    return request

    def _accept(self, listener: socket.socket) -> None:
        link, _address = listener.accept()
        self._links[link] = 0
        self._selector.register(link, selectors.EVENT_READ, self._listen)

    def _listen(self, link: socket.socket) -> dict | None:
        packet, files, _flags, _address = socket.recv_fds(link, _PACKET, 1)
        if packet:
            return self._fork(link, json.loads(packet), files[0])
        self._selector.unregister(link)
        if pid := self._links[link]:  # nobody waits for it any more
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        else:
            self._forget(link)
        return None

    def _fork(self, link: socket.socket, request: dict, output: int) -> dict | None:
        nursery = os.getpid()
        if not (pid := os.fork()):
            self._close()
            become(request, output, nursery)
            return request
        os.close(output)
        end = os.pidfd_open(pid)
        self._links[link] = pid
        self._ends[end] = link
        self._selector.register(end, selectors.EVENT_READ, self._bury)
        self._answer(link, pid=pid)
        return None

    def _bury(self, end: int) -> None:
        link = self._ends.pop(end)
        self._selector.unregister(end)
        os.close(end)
        _pid, status = os.waitpid(self._links[link], 0)
        self._answer(link, code=os.waitstatus_to_exitcode(status))
        if link in self._selector.get_map():
            self._selector.unregister(link)
        self._forget(link)

    def _forget(self, link: socket.socket) -> None:
        del self._links[link]
        link.close()

    def _answer(self, link: socket.socket, **answer: int) -> None:
        with contextlib.suppress(OSError):  # it hung up
            link.send(json.dumps(answer).encode())

    def _close(self) -> None:
        """Close, in a child, what is its nursery's."""
        self._selector.close()
        self._listener.close()
        for link in self._links:
            link.close()
        for end in self._ends:
            os.close(end)


def become(request: dict, output: int, nursery: int) -> None:
    """Make this child what a fresh process of the request would be: its own session, dying with the nursery."""
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != nursery:
        os.kill(os.getpid(), signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)
    os.environ.update(request["env"])  # what Odoo has set itself stays: its time zone
    os.chdir(request["cwd"])


def main() -> None:
    """Entry point; see the module's docstring."""
    config_path, socket_path, names = sys.argv[1:4]
    read_code(config_path, names.split(","))
    gc.collect()
    gc.freeze()  # what all children share is not copied to be counted
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(socket_path)
    listener.listen(64)
    sys.argv = Nursery(listener).serve()["argv"]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
