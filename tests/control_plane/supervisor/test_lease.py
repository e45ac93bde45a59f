"""Who may have a stack, by a clock that the test moves."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from byoc_infra.control_plane.processes import ProcessId, this_host, this_process
from byoc_infra.control_plane.store.leases import NOBODY, Seen
from byoc_infra.control_plane.supervisor.keeper import Keeper
from byoc_infra.control_plane.supervisor.lease import Lease, StillHeld, acquire, standing
from byoc_infra.control_plane.supervisor.reins import Reins
from byoc_infra.errors import Cancelled, LeaseLost

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
HERE = this_process()
PARENT = psutil.Process().parent()
assert PARENT is not None
ALIVE = ProcessId(this_host(), PARENT.pid, PARENT.create_time())
GONE = ProcessId(this_host(), HERE.pid, HERE.started - 1000)
ELSEWHERE = ProcessId("elsewhere/1/2", 7, 1.0)


@dataclass
class Clock:
    """Seconds that pass only when told."""

    now: float = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now

    def pause(self, seconds: float) -> None:
        """As a wait would."""
        self.now += seconds
        assert self.now < 10_000, "waits for ever"


@dataclass
class Held:
    """A lease as the fake shelf keeps it."""

    token: int
    owner: ProcessId | None
    expires: float
    credentials_end: float
    clean: bool = False


@dataclass
class FakeShelf:
    """Leases by that clock; `away` makes the database unreachable."""

    clock: Clock
    leases: dict[str, Held] = field(default_factory=dict)
    away: bool = False

    def seen(self, stack: str) -> Seen | None:
        """The lease as it is now."""
        held = self.leases.get(stack)
        if held is None:
            return None
        owner = held.owner or ProcessId("", NOBODY, 0.0)
        return Seen(
            token=held.token,
            operation_id="op-1",
            host=owner.host,
            pid=owner.pid,
            process_started=owner.started,
            expires_at=EPOCH + timedelta(seconds=held.expires),
            clean=held.clean,
            expired=held.expires <= self.clock(),
            credentials_ended=held.credentials_end <= self.clock(),
            free_in_s=max(held.expires, held.credentials_end) - self.clock(),
        )

    def take(
        self, stack: str, before: Seen | None, *, operation_id: str, me: ProcessId, lease_s: float
    ) -> int | None:
        """Only where it is as it was seen."""
        assert operation_id
        if self.seen(stack) != before:
            return None
        token = before.token + 1 if before else 1
        self.leases[stack] = Held(token, me, self.clock() + lease_s, self.clock())
        return token

    def renew(self, stack: str, token: int, lease_s: float) -> bool:
        """Under the newest token."""
        if self.away:
            raise TimeoutError
        held = self.leases[stack]
        if held.token != token:
            return False
        held.expires = self.clock() + lease_s
        return True

    def lend(self, stack: str, token: int, duration_s: float) -> bool:
        """Under the newest token."""
        held = self.leases[stack]
        held.credentials_end = max(held.credentials_end, self.clock() + duration_s)
        return held.token == token

    def give_back(self, stack: str, token: int, *, clean: bool) -> bool:
        """Under the newest token."""
        held = self.leases[stack]
        if held.token != token:
            return False
        self.leases[stack] = replace(
            held, owner=None, expires=0.0, credentials_end=0.0, clean=clean
        )
        return True


@dataclass
class FakeEngine:
    """Notes what it is told."""

    told: list[str] = field(default_factory=list)

    def stop(self, *, grace_s: float | None = None) -> bool:
        """SIGINT."""
        self.told.append(f"stop {grace_s}")
        return True

    def kill(self) -> bool:
        """SIGKILL."""
        self.told.append("kill")
        return True


@pytest.fixture
def clock() -> Clock:
    """At nought."""
    return Clock()


@pytest.fixture
def shelf(clock: Clock) -> FakeShelf:
    """Without any lease."""
    return FakeShelf(clock)


def _acquire(
    shelf: FakeShelf,
    clock: Clock,
    *,
    end: Callable[[ProcessId], None] = lambda _: None,
    patience_s: float = math.inf,
) -> Lease:
    return acquire(
        shelf,
        "s",
        operation_id="op-2",
        me=HERE,
        lease_s=60,
        pause=clock.pause,
        end=end,
        patience_s=patience_s,
    )


def _held(shelf: FakeShelf, owner: ProcessId, *, expires: float, credentials_end: float) -> None:
    shelf.leases["s"] = Held(4, owner, expires, credentials_end)


def test_nobodys_stack_is_taken_at_once(shelf: FakeShelf, clock: Clock) -> None:
    """The first token is 1, and there is nothing to clean up."""
    lease = _acquire(shelf, clock)

    assert (lease.token, lease.unclean, clock.now) == (1, False, 0.0)


@pytest.mark.parametrize("clean", [True, False])
def test_what_was_given_back_is_taken_at_once(
    shelf: FakeShelf, clock: Clock, *, clean: bool
) -> None:
    """And the next owner knows whether the last one left something open."""
    _acquire(shelf, clock).give_back(clean=clean)

    lease = _acquire(shelf, clock)

    assert (lease.token, lease.unclean, clock.now) == (2, not clean, 0.0)


def test_a_dead_owner_here_is_not_waited_for(shelf: FakeShelf, clock: Clock) -> None:
    """Its number and start time prove that it is gone; its work is looked through."""
    _held(shelf, GONE, expires=1000, credentials_end=2000)
    ended: list[ProcessId] = []

    lease = _acquire(shelf, clock, end=ended.append)

    assert (lease.token, lease.unclean, clock.now) == (5, True, 0.0)
    assert ended == [GONE]  # its engine may have outlived it


def test_a_live_owner_here_is_waited_for_and_killed_when_it_hangs(
    shelf: FakeShelf, clock: Clock
) -> None:
    """While it renews nobody touches it; past its time it is ended, and only then is it free."""
    _held(shelf, ALIVE, expires=100, credentials_end=2000)
    ended: list[tuple[ProcessId, float]] = []

    def end(owner: ProcessId) -> None:
        ended.append((owner, clock.now))
        shelf.leases["s"].owner = GONE

    lease = _acquire(shelf, clock, end=end)

    assert ended[0] == (ALIVE, 100.0)
    assert (lease.token, lease.unclean) == (5, True)


def test_an_owner_elsewhere_is_fenced_by_its_credentials(shelf: FakeShelf, clock: Clock) -> None:
    """Nothing here can tell whether its engine lives: what it may still do ends with its keys."""
    _held(shelf, ELSEWHERE, expires=100, credentials_end=900)

    lease = _acquire(shelf, clock)

    assert clock.now == 900.0
    assert (lease.token, lease.unclean) == (5, True)


def test_nobody_waits_for_long_where_others_wait_too(shelf: FakeShelf, clock: Clock) -> None:
    """Whoever died is waited out elsewhere, whoever lives is asked again after a lease."""
    _held(shelf, ELSEWHERE, expires=10, credentials_end=900)
    after = []
    for _ in range(2):
        with pytest.raises(StillHeld) as held:
            _acquire(shelf, clock, patience_s=90)
        after.append((clock.now, held.value.after_s))
        shelf.leases["s"].expires = 500

    assert after == [(90.0, 120.0), (180.0, 60.0)]
    assert held.value.error().retryable


def test_a_lease_of_my_own_is_no_obstacle(shelf: FakeShelf, clock: Clock) -> None:
    """One that could not be given back while the database was away."""
    _held(shelf, HERE, expires=100, credentials_end=900)

    assert _acquire(shelf, clock).token == 5
    assert clock.now == 0.0


def test_a_lease_renewed_between_look_and_take_is_not_taken(clock: Clock) -> None:
    """A hung owner may wake up at any moment."""

    class Waking(FakeShelf):
        def take(
            self,
            stack: str,
            before: Seen | None,
            *,
            operation_id: str,
            me: ProcessId,
            lease_s: float,
        ) -> int | None:
            held = self.leases[stack]
            if held.owner == ELSEWHERE and self.clock() < 50:
                held.expires = self.clock() + 20
            return super().take(stack, before, operation_id=operation_id, me=me, lease_s=lease_s)

    shelf = Waking(clock)
    _held(shelf, ELSEWHERE, expires=0, credentials_end=0)
    lease = _acquire(shelf, clock)

    assert clock.now >= 60
    assert lease.token == 5


def test_an_old_owner_may_do_nothing(shelf: FakeShelf, clock: Clock) -> None:
    """Neither renew nor lend credentials; giving back changes nothing."""
    old = _acquire(shelf, clock)
    new = acquire(
        shelf, "s", operation_id="op-3", me=HERE, lease_s=60, pause=clock.pause, end=lambda _: None
    )
    old.give_back(clean=True)

    with pytest.raises(LeaseLost):
        old.renew()
    with pytest.raises(LeaseLost):
        old.lend(900)
    new.renew()


def test_credentials_are_noted_before_they_are_given_out(shelf: FakeShelf, clock: Clock) -> None:
    """With some room for STS's clock; a shorter life later takes nothing away."""
    lease = _acquire(shelf, clock)
    lease.lend(900)
    lease.lend(60)

    assert shelf.leases["s"].credentials_end == 930.0


def test_standing_tells_the_three_cases() -> None:
    """Free, held, hung."""
    seen = Seen(
        token=1,
        operation_id="op-1",
        host=ALIVE.host,
        pid=ALIVE.pid,
        process_started=ALIVE.started,
        expires_at=EPOCH,
        clean=False,
        expired=False,
        credentials_ended=True,
    )

    assert standing(None, HERE) == "free"
    assert standing(seen, HERE) == "held"
    assert standing(replace(seen, expired=True), HERE) == "hung"
    assert standing(replace(seen, expired=True, pid=NOBODY), HERE) == "free"


def _kept(
    shelf: FakeShelf, clock: Clock, *, cancelled: Callable[[], bool] = lambda: False
) -> tuple[Keeper, Reins, FakeEngine]:
    engine = FakeEngine()
    lease = _acquire(shelf, clock)
    reins = Reins(engine, "s")
    return Keeper(lease, reins, cancelled=cancelled, clock=clock), reins, engine


def test_a_lease_is_renewed_at_a_third(shelf: FakeShelf, clock: Clock) -> None:
    """Not before, and then again and again."""
    keeper, reins, engine = _kept(shelf, clock)
    ends = []
    for now in (19.0, 20.0, 39.0, 40.0):
        clock.now = now
        keeper.renew()
        keeper.judge()
        ends.append(shelf.leases["s"].expires)

    assert ends == [60.0, 80.0, 80.0, 100.0]
    assert reins.why is None
    assert engine.told == []


def test_without_renewal_the_engine_is_stopped_before_the_lease_ends(
    shelf: FakeShelf, clock: Clock
) -> None:
    """SIGINT at two thirds, SIGKILL at nine tenths, and the operation goes to another."""
    keeper, reins, engine = _kept(shelf, clock)
    shelf.away = True
    seen = []
    for now in (39.0, 40.0, 53.0, 54.0):
        clock.now = now
        keeper.judge()
        seen.append((reins.why, engine.told[-1:]))

    assert seen == [
        (None, []),
        ("late", ["stop None"]),
        ("late", ["stop None"]),
        ("lost", ["kill"]),
    ]
    with pytest.raises(LeaseLost):
        reins.check()


def test_a_woken_owner_whose_lease_went_kills_its_engine(shelf: FakeShelf, clock: Clock) -> None:
    """Somebody else has a newer token: nothing of this one may go on."""
    keeper, reins, engine = _kept(shelf, clock)
    shelf.leases["s"].token += 1
    clock.now = 500.0
    keeper.renew()

    assert reins.why == "lost"
    assert engine.told == ["kill"]


def test_a_woken_owner_that_nobody_replaced_goes_on(shelf: FakeShelf, clock: Clock) -> None:
    """The database alone decides: the token is still the newest."""
    keeper, reins, _ = _kept(shelf, clock)
    clock.now = 500.0
    keeper.renew()
    keeper.judge()

    assert reins.why is None
    assert shelf.leases["s"].expires == 560.0


def test_a_renewal_counts_from_when_it_was_asked_for(shelf: FakeShelf, clock: Clock) -> None:
    """An answer that took long does not make the lease longer than the database thinks."""
    keeper, reins, _ = _kept(shelf, clock)
    renew = shelf.renew

    def slowly(stack: str, token: int, lease_s: float) -> bool:
        done = renew(stack, token, lease_s)
        clock.now += 30
        return done

    shelf.renew = slowly  # type: ignore[method-assign]
    clock.now = 20.0
    keeper.renew()
    clock.now = 60.0
    keeper.judge()

    assert reins.why == "late"


def test_who_asks_to_cancel_is_heard(shelf: FakeShelf, clock: Clock) -> None:
    """The engine may finish what is in flight, however long that takes."""
    keeper, reins, engine = _kept(shelf, clock, cancelled=lambda: True)
    keeper.renew()

    assert engine.told == ["stop 1200.0"]
    with pytest.raises(Cancelled):
        reins.check()


def test_a_weightier_reason_takes_the_place_of_a_lighter() -> None:
    """And never the other way round."""
    engine = FakeEngine()
    reins = Reins(engine, "s")
    reins.pull("lost")
    reins.pull("cancelled")

    assert reins.why == "lost"
    assert engine.told == ["kill", "kill"]
    with pytest.raises(LeaseLost):
        reins.pause(0.0)
