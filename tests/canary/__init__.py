"""Find planted strings ("canaries") anywhere they hide: files, archives, PDFs, databases, raw PostgreSQL files, logs.

    from canary import Scanner, as_plant, make_canaries

    person = make_canaries(seed=7, n=1)[0]
    ...                                     # plant as_plant(person), run the product
    scanner = Scanner(person.values())
    scanner.scan_tree(filestore, "filestore")
    scanner.scan_database(dsn, "db")
    scanner.scan_cluster(data_dir, "cluster")
    print(scanner.report.table())
    assert scanner.report.clean, scanner.report.table()

``report.clean`` means: no finding *and* nothing that had to be left unread.
"""

from .canaries import PLANT_KEYS, Canary, as_plant, make_canaries
from .needles import Needle, compile_needles
from .places import Scanner
from .report import Finding, Report, Skipped

__all__ = [
    "PLANT_KEYS",
    "Canary",
    "Finding",
    "Needle",
    "Report",
    "Scanner",
    "Skipped",
    "as_plant",
    "compile_needles",
    "make_canaries",
]
