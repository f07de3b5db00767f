"""The clock of retention: days that follow from facts, whatever the order in which news comes, and what dumps hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pii_retention import calendar
from pii_retention.clock import (
    EVENTS,
    NO_LIMIT,
    Facts,
    Figures,
    Step,
    deadline,
    is_over,
    stale_buckets,
    step,
)

from support.figures import figure

DAY0 = date(2028, 2, 1)  # a leap year: day 28 is the 29th of February


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


def facts(**numbers: int) -> Facts:
    return Facts(**{name: day(number) for name, number in numbers.items()})


STRICT = Figures()
BY_DELIVERY = Figures(anchor="delivery")

TABLE = [
    ("import", facts(created=0), STRICT, (30, "created")),
    ("open today", facts(created=0, open=12), STRICT, (42, "open")),
    ("open for too long", facts(created=0, open=400), STRICT, (120, "open")),
    ("shipped", facts(created=0, open=5, shipped=5), STRICT, (35, "shipped")),
    ("shipped is final", facts(created=0, open=20, shipped=5), STRICT, (35, "shipped")),
    ("shipped before it was ordered", facts(created=3, shipped=0), STRICT, (33, "shipped")),
    ("delivered, counted from shipment", facts(created=0, shipped=5, delivered=9), STRICT, (35, "shipped")),
    ("delivered, counted from delivery", facts(created=0, shipped=5, delivered=9), BY_DELIVERY, (39, "delivered")),
    ("delivery not proven", facts(created=0, shipped=5), BY_DELIVERY, (35, "shipped")),
    ("delivered before it was shipped", facts(created=0, shipped=5, delivered=2), BY_DELIVERY, (35, "shipped")),
    ("delivered, shipment unknown", facts(created=0, open=4, delivered=9), STRICT, (34, "shipped")),
    ("the same, counted from delivery", facts(created=0, open=4, delivered=9), BY_DELIVERY, (39, "delivered")),
    ("cancelled", facts(created=0, open=6, cancelled=6), STRICT, (6, "cancelled")),
    ("cancelled, then shipped all the same", facts(created=0, cancelled=6, shipped=7), STRICT, (6, "cancelled")),
    ("shipped by the marketplace", facts(created=0, fba=0), STRICT, (0, "fba")),
    (
        "an invoice is owed",
        Facts(created=day(0), cancelled=day(6), invoice_due=NO_LIMIT),
        STRICT,
        (30, "invoice"),
    ),
    ("owed until a day", facts(created=0, cancelled=6, invoice_due=15), STRICT, (16, "invoice")),
    ("owed longer than allowed", facts(created=0, cancelled=6, invoice_due=70), STRICT, (30, "invoice")),
    ("issued", facts(created=0, cancelled=6, invoice_due=15, invoiced=9), STRICT, (10, "invoiced")),
    (
        "issued before the cancellation",
        facts(created=0, cancelled=6, invoice_due=15, invoiced=4),
        STRICT,
        (6, "cancelled"),
    ),
    ("issued after the hard stop", facts(created=0, fba=0, invoice_due=60, invoiced=50), STRICT, (30, "invoice")),
    (
        "an invoice for what was shipped",
        facts(created=0, shipped=3, invoice_due=9, invoiced=5),
        STRICT,
        (33, "shipped"),
    ),
    ("written to past the clock", facts(created=0, open=5, limit=30), STRICT, (30, "altered")),
    ("… and shipped since", facts(created=0, shipped=9, limit=30), STRICT, (30, "altered")),
    ("… and cancelled since", facts(created=0, cancelled=4, limit=30), STRICT, (4, "cancelled")),
    ("… and shipped long before", facts(created=0, limit=50), STRICT, (30, "created")),
    ("a tighter policy", facts(created=0, open=5, shipped=5), Figures(days=20), (25, "shipped")),
]


@pytest.mark.parametrize(("known", "figures", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(known, figures, expected):
    number, rule = expected
    assert deadline(known, figures) == (day(number), rule)


def test_without_an_order_there_is_no_clock():
    with pytest.raises(ValueError, match="order"):
        deadline(facts(shipped=3), STRICT)


def test_a_leap_day_is_a_day():
    assert deadline(Facts(created=date(2028, 1, 30)), STRICT) == (date(2028, 2, 29), "created")
    assert deadline(Facts(created=date(2028, 1, 31)), STRICT) == (date(2028, 3, 1), "created")
    assert deadline(Facts(created=date(2027, 1, 31)), STRICT) == (date(2027, 3, 2), "created")


# === NEWS IN ANY ORDER === #

some_day = st.integers(0, 60).map(day)
some_news = st.builds(lambda name, on: Facts(**{name: on}), st.sampled_from((*EVENTS, "limit")), some_day)


@given(st.lists(some_news, min_size=1, max_size=4), some_day)
@settings(max_examples=400, deadline=None)
def test_late_doubled_and_shuffled_news_come_to_the_same(news, created):
    news = [*news, Facts(created=created)]
    results = set()
    for order in permutations(news):
        known = Facts()
        for fact in (*order, *order[:2]):
            known = known.merged(fact)
        results.add((known, deadline(known, STRICT)))
    assert len(results) == 1


@given(st.lists(some_news, max_size=8), some_day)
def test_nothing_outlives_the_hard_stop(news, created):
    known = Facts(created=created)
    for fact in news:
        known = known.merged(fact)
    for figures in (STRICT, BY_DELIVERY, Figures(days=7, open_days=14)):
        last, _rule = deadline(known, figures)
        known_days = [known.created, known.shipped, known.delivered]
        waited = min(known.open, known.created + timedelta(days=figures.open_days)) if known.open else known.created
        assert last <= max(found for found in (*known_days, waited) if found) + timedelta(days=figures.days)


# === ZONES === #


@pytest.mark.parametrize(
    ("zone", "last_day", "hours"),
    [
        ("Europe/Rome", date(2027, 3, 28), 23),  # forward
        ("Europe/Rome", date(2027, 10, 31), 25),  # back
        ("America/New_York", date(2027, 3, 14), 23),
        ("Australia/Lord_Howe", date(2027, 10, 3), 23.5),
        ("Pacific/Kiritimati", date(2028, 2, 29), 24),
        ("Pacific/Pago_Pago", date(2028, 2, 29), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight itself is skipped
        ("Africa/Cairo", date(2027, 4, 30), 23),  # the same, today
    ],
)
def test_the_last_second_of_the_last_day(zone, last_day, hours):
    dead = last_day + timedelta(days=1)
    end = calendar.begins(dead, zone).replace(tzinfo=UTC)
    second = timedelta(seconds=1)
    assert not is_over(dead, calendar.day_at(end - second, zone))
    assert is_over(dead, calendar.day_at(end, zone))
    assert is_over(dead, calendar.day_at(end + second, zone))
    assert end - calendar.begins(last_day, zone).replace(tzinfo=UTC) == timedelta(hours=hours)


def test_companies_at_both_ends_of_the_world():
    moment = datetime(2028, 2, 28, 10, 30, tzinfo=UTC)
    days = {zone: calendar.day_at(moment, zone) for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago")}
    assert list(days.values()) == [date(2028, 2, 29), date(2028, 2, 28), date(2028, 2, 27)]
    # one purchase, three companies: each has its own day, and exactly thirty days of its own calendar
    for zone, created in days.items():
        dead, _rule = deadline(Facts(created=created), STRICT)
        assert calendar.day_at(calendar.begins(dead, zone), zone) - created == timedelta(days=30)
        assert not is_over(dead, calendar.day_at(calendar.begins(dead, zone) - timedelta(seconds=1), zone))


# === A CLOCK THAT IS PUT BACK === #


@given(st.lists(some_news, max_size=6), some_day, st.integers(0, 90), st.integers(1, 40))
@settings(max_examples=500, deadline=None)
def test_a_clock_that_is_put_back_moves_no_deadline_back(news, created, now, back):
    known = Facts(created=created)
    for fact in news:
        known = known.merged(fact)
    placed = step(deadline(known, STRICT), known, STRICT, day(now))
    earlier = step((placed.day, placed.rule), known, STRICT, day(now - back))
    assert earlier.day >= placed.day
    assert not earlier.rotate
    rolled = step((placed.day, placed.rule), known, STRICT, day(now), held=True)
    again = step((rolled.day, rolled.rule), known, STRICT, day(now - back), held=True)
    assert again.day >= rolled.day or again.rule != "held"
    # news without a day of its own happens after everything that is known
    assert max(known.latest, day(now - back)) >= known.latest


# === DUMPS === #


TURNS = 3


class Vault:
    """Keys with their end, and subjects sealed under them, as the addon keeps them; moments are turns, three a day."""

    def __init__(self, figures: Figures):
        self.figures = figures
        self.ends: dict[tuple[date, int], float | None] = {}  # key -> when it was destroyed
        self.subjects: list[Subject] = []
        self.queue: set[tuple[date, int]] = set()
        self.now = 0

    @property
    def today(self) -> date:
        return day(self.now // TURNS)

    def newest(self, bucket: date) -> tuple[date, int]:
        key = max((key for key in self.ends if key[0] == bucket), default=(bucket, 1))
        assert self.ends.setdefault(key, None) is None, "nothing is sealed under a dead key"
        return key

    def lives(self, key: tuple[date, int]) -> bool:
        return self.ends[key] is None

    def destroy(self, key: tuple[date, int]) -> None:
        if self.ends[key] is None:
            self.ends[key] = self.now

    def rotate(self) -> None:
        """Seal the neighbours in a bucket under its next generation and destroy the old one."""
        for bucket, generation in sorted(self.queue):
            if not self.lives((bucket, generation)):
                continue
            successor = (bucket, generation + 1)
            self.ends.setdefault(successor, None)
            for subject in self.subjects:
                if subject.key == (bucket, generation):
                    subject.key = successor
            self.destroy((bucket, generation))
        self.queue.clear()

    def begin_day(self) -> None:
        """What the daily run does at the first second of a day, in its order."""
        for subject in self.subjects:
            if subject.alive and is_over(subject.day, self.today):
                subject.settle(self)  # those under a hold move on
        for key in list(self.ends):
            if key[0] <= self.today:
                self.destroy(key)
        self.rotate()
        for subject in self.subjects:
            if subject.alive and is_over(subject.day, self.today):
                subject.alive = False
            if subject.alive and subject.facts.is_open:
                subject.learn(Facts(open=self.today), self)

    def advance(self, turns: int) -> None:
        for _turn in range(turns):
            self.now += 1
            if self.now % TURNS == 0:
                self.begin_day()
            for subject in self.subjects:
                subject.check(self)


class Subject:
    def __init__(self, vault: Vault):
        self.facts, self.held, self.alive = Facts(created=vault.today), False, True
        self.day, self.rule = deadline(self.facts, vault.figures)
        self.key = vault.newest(self.day)
        self.first = self.day  # the earliest bucket it was ever sealed into
        self.dumps: list[tuple[tuple[date, int], date]] = []
        self.shortened: list[tuple[int, date, int]] = []  # when, to which day, how many dumps there were

    def learn(self, news: Facts, vault: Vault) -> None:
        if self.alive:
            self.facts = self.facts.merged(news)
            self.settle(vault)

    def settle(self, vault: Vault) -> None:
        found: Step = step((self.day, self.rule), self.facts, vault.figures, vault.today, self.held)
        if found.rotate:
            buckets = stale_buckets(self.first, self.day, found.day, vault.today)
            vault.queue |= {key for key in vault.ends if key[0] in buckets}
            self.shortened.append((vault.now, found.day, len(self.dumps)))
        if found.erase:
            self.alive = False
        elif found.day != self.day:
            self.key = vault.newest(found.day)
            self.first = min(self.first, found.day)
        self.day, self.rule = found.day, found.rule

    def check(self, vault: Vault) -> None:
        """No one is readable after the deadline, none dies before it; a dump is taken at every turn."""
        last, _rule = deadline(self.facts, vault.figures)
        due = is_over(last, vault.today)
        readable = self.alive and vault.lives(self.key)
        if due and not self.held and self.rule != "held":
            assert not readable, "readable after its deadline"
        if self.alive and (not due or self.held):
            assert readable, "dead before its deadline"
        if not due and not self.held and self.rule != "held":
            assert self.alive, "erased before its deadline"
        if self.rule == "held":
            assert self.day <= vault.today + timedelta(days=1), "a hold leads no further than a day"
        if readable:
            self.dumps.append((self.key, self.day))

    def check_dumps(self, vault: Vault) -> None:
        for key, promised in self.dumps:
            end = (promised - DAY0).days * TURNS
            assert vault.ends[key] is not None and vault.ends[key] <= end, "a dump outlives the deadline of its moment"
        for moment, earlier, count in self.shortened:
            latest = max(moment + TURNS, (earlier - DAY0).days * TURNS)
            for key, _promised in self.dumps[:count]:
                assert vault.ends[key] <= latest, "a dump outlives a deadline that became earlier"


def news_of(number: int, vault: Vault) -> Facts:
    """Return one piece of news: of today or, as often, of some days ago."""
    number, kind = divmod(number, 8)
    late = number % 9 if number % 2 else 0
    on = max(vault.today - timedelta(days=late), DAY0)
    if EVENTS[kind] == "invoice_due":
        on = NO_LIMIT if number % 3 == 0 else vault.today + timedelta(days=number % 40)
    return Facts(**{EVENTS[kind]: on})


COUNTED = {"sequences": 0, "dumps": 0, "news": 0, "shortened": 0, "erased_early": 0, "held": 0}

words = st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=14)


@given(words, st.sampled_from([STRICT, BY_DELIVERY, Figures(days=9, open_days=14)]))
@settings(
    max_examples=10_000,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def _sequences(numbers, figures):
    # few days make many neighbours, and many dumps around each deadline
    figures = Figures(days=min(figures.days, 12), open_days=20, anchor=figures.anchor)
    vault = Vault(figures)
    vault.subjects = [Subject(vault) for _number in range(3)]
    for number in numbers:
        number, turns = divmod(number, 8)
        number, who = divmod(number, 3)
        number, what = divmod(number, 10)
        subject = vault.subjects[who]
        vault.advance(turns)
        if what == 8:
            subject.held = subject.alive and not subject.held
            COUNTED["held"] += subject.held
            if subject.held and is_over(subject.day, vault.today):
                subject.settle(vault)
        elif what == 9 and vault.figures.days > 4:
            # the policy is tightened while data is held, and applied at once
            vault.figures = Figures(vault.figures.days - 3, vault.figures.open_days, vault.figures.anchor)
            for one in vault.subjects:
                one.learn(Facts(), vault)
        else:
            subject.learn(news_of(number, vault), vault)
            COUNTED["news"] += 1
        for one in vault.subjects:
            one.check(vault)
    for subject in vault.subjects:
        subject.held = False
    vault.advance(TURNS * 36)
    for subject in vault.subjects:
        assert not (subject.alive and vault.lives(subject.key)), "everything ends"
        subject.check_dumps(vault)
        COUNTED["dumps"] += len(subject.dumps)
        COUNTED["shortened"] += len(subject.shortened)
    COUNTED["sequences"] += 1


def test_no_dump_outlives_the_deadline_of_its_moment():
    COUNTED.update(dict.fromkeys(COUNTED, 0))
    _sequences()
    figure("clock_sequences", COUNTED["sequences"], "sequences", ">=10000")
    figure("clock_dumps", COUNTED["dumps"], "dumps")
    figure("clock_deadlines_shortened", COUNTED["shortened"], "times")
    assert COUNTED["sequences"] >= 10_000
    # the sequences must have been worth it
    assert min(COUNTED["shortened"], COUNTED["held"], COUNTED["news"]) > 1000
