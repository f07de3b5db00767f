from odoo.tests import tagged

from odoo.addons.pii_retention.tests.common import PERSON

from .common import PrintCase, SandboxPrinter


@tagged("post_install", "-at_install")
class TestPrintFaults(PrintCase):
    """Whatever a printer does: a clear sentence, no look at the data for nothing, nothing printed twice."""

    def retry(self, state):
        action = self.rpc("pii.print.job", "action_retry", [state["job_id"]])
        self.assertEqual(action["tag"], "pii_print_job")
        return self.send({"job_id": state["job_id"], "more": True, "waiting": 0})

    def test_refusals_before_the_data_is_opened(self):
        faults = {
            "not-accepting": "takes no jobs at the moment",
            "not-authorized": "user name or password",
            "internal": "refused the job",
            "garbage": "no IPP printer",
            "redirect": "another address",
            "reset": "Nothing was printed",
        }
        for kind, text in faults.items():
            with self.subTest(kind=kind):
                self.device.reset()
                self.device.fault(kind)
                state = self.print()
                self.assertEqual((state["state"], state["more"]), ("failed", False))
                self.assertIn(text, state["message"])
                self.assertEqual(self.log_rows(), [], "opened for nothing")
                self.device.repair()
                self.assertEqual(self.retry(state)["state"], "done")
                self.assertEqual(len(self.device.jobs("office")), 1)
                self.next_customer()
        print("FIGURE printer_faults_before_opening", len(faults), "faults")

    def next_customer(self):
        """Take another customer for the next round: the log cannot be emptied."""
        self.subject = self.seal(f"402-7654321-{self.subject.id + 1:07}")
        self.partner = self.subject._partner()
        self.env.flush_all()

    def test_a_printer_that_is_off(self):
        device = SandboxPrinter()
        away = self.new_printer("Away", device.uri)
        self.clerk.pii_printer_id = away
        self.env.flush_all()
        device.close()
        state = self.print()
        self.assertEqual(state["state"], "failed")
        self.assertIn("Away cannot be reached", state["message"])
        self.assertEqual(self.log_rows(), [])
        # nothing is lost: on the printer's return the same job goes through
        away.uri = self.device.uri
        self.release(away)
        self.assertEqual(self.retry(state)["state"], "done")
        self.assertIn(PERSON["name"], self.device.document(self.device.jobs()[0]["id"]).decode())

    def test_a_slow_printer(self):
        self.printer.total_seconds = 1
        self.env.flush_all()
        self.device.fault("slow", seconds=3, times=1)
        state = self.print()
        self.assertEqual(state["state"], "failed")
        self.assertIn("Nothing was printed", state["message"])
        self.assertEqual(self.log_rows(), [])

    def test_a_busy_printer_is_waited_for(self):
        self.device.fault("busy", times=1)
        job = self.prepare()
        state = self.rpc("pii.print.job", "print_next", [job["job_id"]])
        self.assertEqual((state["state"], state["more"], state["waiting"]), ("queued", True, 1))
        self.assertIn("is busy", state["message"])
        self.assertEqual(self.log_rows(), [])
        state = self.send(job)
        self.assertEqual((state["state"], state["message"]), ("done", False))

    def test_a_batch_stops_at_the_first_part_that_fails(self):
        self.printer.documents_per_part = 1
        self.env.flush_all()
        job = self.prepare(self.many(3))
        self.rpc("pii.print.job", "print_next", [job["job_id"]])
        self.device.fault("not-accepting")
        state = self.rpc("pii.print.job", "print_next", [job["job_id"]])
        self.assertEqual((state["state"], state["sent"], state["more"]), ("failed", 1, False))
        self.device.repair()
        state = self.retry(state)
        self.assertEqual((state["state"], state["sent"]), ("done", 3))
        self.assertEqual(len(self.device.jobs()), 3, "each document once")

    def test_out_of_paper(self):
        self.device.fault("paper")
        state = self.status(self.print())
        self.assertEqual(state["state"], "printing")
        self.assertIn("stopped", state["message"])
        self.device.repair()
        self.assertEqual(self.status(state)["state"], "done")
        self.assertEqual(len(self.log_rows()), 1, "printed once")

    def test_a_job_that_the_printer_aborts_is_printed_again_by_a_click(self):
        self.device.fault("abort")
        state = self.status(self.print())
        self.assertEqual(state["state"], "failed")
        self.device.repair()
        self.assertEqual(self.retry(state)["state"], "done")
        self.assertEqual(len(self.log_rows()), 2, "rendered again, logged again")

    def test_a_connection_that_breaks_after_the_document_arrived_prints_once(self):
        self.device.fault("reset-after", operation="Send-Document", times=1)
        state = self.print()
        self.assertEqual(state["state"], "done", state)
        self.assertEqual(len(self.device.jobs()), 1)

    def test_a_connection_that_breaks_with_the_document_on_its_way_prints_nothing(self):
        self.device.fault("reset", operation="Send-Document", times=1)
        state = self.print()
        self.assertEqual(state["state"], "failed")
        self.assertIn("nothing was printed", state["message"])
        self.assertEqual([job["state"] for job in self.device.jobs()], ["canceled"])
        self.assertEqual(self.retry(state)["state"], "done")

    def test_a_simple_printer_whose_connection_breaks_leaves_the_outcome_open(self):
        self.device.fault("no-create")
        self.device.fault("reset-after", operation="Print-Job", times=1)
        state = self.print()
        self.assertEqual((state["state"], state["more"]), ("unknown", False))
        self.assertIn("Look at the printer", state["message"])

    def test_simple_and_old_printers_print(self):
        for kind in ("no-create", "v1"):
            self.device.fault(kind)
            self.assertEqual(self.print()["state"], "done", kind)
            self.device.repair()
        self.assertIn("Print-Job", self.device.journal())
        self.assertIn("Validate-Job", self.device.journal())

    def test_a_printer_that_forgets_its_jobs(self):
        self.device.change(pages_per_second=1)
        state = self.print()
        self.device.reset()
        state = self.status(state)
        self.assertEqual(state["state"], "unknown")
        self.assertIn("no record", state["message"])

    def test_the_cron_asks_and_gives_up(self):
        self.device.change(pages_per_second=1000)
        state = self.print()
        self.assertEqual(state["state"], "printing")
        self.device.change(pages_per_second=0)
        self.env["pii.print.job"]._cron_poll()
        self.env.invalidate_all()
        job = self.env["pii.print.job"].browse(state["job_id"])
        self.assertEqual(job.state, "done")
        waiting, sending = self.prepare(), self.prepare()
        parts = self.env["pii.print.part"]
        parts.search([("job_id", "=", sending["job_id"])]).state = "sending"
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE pii_print_part SET write_date = write_date - interval '2 days' WHERE job_id = ANY(%s)",
            [[waiting["job_id"], sending["job_id"]]],
        )
        self.env.invalidate_all()
        self.env["pii.print.job"]._cron_poll()
        self.env.invalidate_all()
        states = {part.job_id.id: part.state for part in parts.search([])}
        self.assertEqual((states[waiting["job_id"]], states[sending["job_id"]]), ("cancelled", "unknown"))
        self.assertFalse(self.log_rows()[1:])

    def test_old_rows_go(self):
        done, waiting = self.print(), self.prepare()
        self.env.cr.execute("UPDATE pii_print_job SET create_date = create_date - interval '31 days'")
        self.env.invalidate_all()
        self.env["pii.print.job"]._gc_jobs()
        jobs = self.env["pii.print.job"]
        self.assertFalse(jobs.browse(done["job_id"]).exists())
        self.assertTrue(jobs.browse(waiting["job_id"]).exists())
