"""What is told to a rail and who let it go: withdrawals, instructions, bands, gate decisions, stops."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Ssi
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity, Rail

from ..states import InstructionStatus, WithdrawalStatus
from .housing import HouseTransfer
from .owing import DIRECTIONS, NetLeg, Nostro, Obligation

# DRAW: what a venue is asked to pay to `nostro` out of what we keep there.
PAYMENTS = [*DIRECTIONS, ("DRAW", "we fetch")]
ALIVE = Q(whole__isnull=True) & ~Q(status__in=["FAILED", "RETURNED", "CANCELLED"])


class Withdrawal(Row):
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    ssi = models.ForeignKey(Ssi, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    status = models.CharField(max_length=15, choices=[(s, s) for s in WithdrawalStatus], default=WithdrawalStatus.REQUESTED)
    client_reference = models.CharField(max_length=64)
    requested_by = models.UUIDField()  # member
    approved_by = models.UUIDField(null=True)  # a second member
    requested_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_reference"], name="withdrawal_reference"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="withdrawal_positive"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")), name="withdrawal_two_members"
            ),
        ]


class Instruction(Row):
    """One payment to make or to expect. An attempt that failed or came back is ended; the next is a new row."""

    direction = models.CharField(max_length=7, choices=PAYMENTS)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="+")
    band = models.ForeignKey("ReleaseBand", null=True, on_delete=models.PROTECT, related_name="+")  # by which it was let go without people
    ssi = models.ForeignKey(Ssi, null=True, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    settled_amount = AmountField(default=0)
    net_leg = models.ForeignKey(NetLeg, null=True, on_delete=models.PROTECT, related_name="instructions")
    obligation = models.ForeignKey(Obligation, null=True, on_delete=models.PROTECT, related_name="instructions")
    withdrawal = models.ForeignKey(Withdrawal, null=True, on_delete=models.PROTECT, related_name="instructions")
    house_transfer = models.OneToOneField(HouseTransfer, null=True, on_delete=models.PROTECT, related_name="instruction")
    returns = models.ForeignKey("Receipt", null=True, on_delete=models.PROTECT, related_name="return_instructions")
    whole = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="parts")  # of what it is one payment of many
    part = models.SmallIntegerField(default=0)  # from 1 on; 0: it is no part
    attempt = models.SmallIntegerField(default=1)
    end_to_end_id = models.CharField(max_length=35, unique=True)
    beneficiary_name = models.CharField(max_length=120, blank=True)  # as instructed: the SSI's holder, or the remitter of a return
    beneficiary_address = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=13, choices=[(s, s) for s in InstructionStatus])
    due_date = models.DateField()
    rail_reference = models.CharField(max_length=80, blank=True)
    made_by = models.UUIDField(null=True)  # null: the system
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    sending_since = models.DateTimeField(null=True)  # wall clock: how long the rail has owed us an answer
    sent_at = models.DateTimeField(null=True)
    stuck_at = models.DateTimeField(null=True)  # when operations were told that its transaction hangs
    settled_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, settled_amount__gte=0), name="instruction_positive"),
            models.CheckConstraint(condition=Q(settled_amount__lte=F("amount")), name="instruction_paid_once"),
            models.CheckConstraint(
                condition=~Q(status__in=["SETTLED", "RECEIVED"]) | Q(settled_amount=F("amount")), name="instruction_settled_whole"
            ),
            models.CheckConstraint(
                condition=Q(released_by__isnull=True) | Q(made_by__isnull=True) | ~Q(released_by=F("made_by")), name="instruction_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(direction="DRAW") | Q(house_transfer__isnull=False, account__isnull=True), name="instruction_draws_our_own"
            ),
            models.UniqueConstraint(fields=["net_leg", "part", "attempt"], name="instruction_leg_attempt"),
            models.UniqueConstraint(fields=["obligation", "part", "attempt"], name="instruction_obligation_attempt"),
            models.UniqueConstraint(fields=["withdrawal", "part", "attempt"], name="instruction_withdrawal_attempt"),
            models.UniqueConstraint(fields=["returns", "attempt"], name="instruction_return_attempt"),
            # Another attempt only where the last one has ended: nothing is paid, or expected, by two at once.
            models.UniqueConstraint(fields=["net_leg"], condition=ALIVE, name="instruction_leg_once"),
            models.UniqueConstraint(fields=["obligation"], condition=ALIVE, name="instruction_obligation_once"),
            models.UniqueConstraint(fields=["withdrawal"], condition=ALIVE, name="instruction_withdrawal_once"),
            models.UniqueConstraint(fields=["returns"], condition=ALIVE, name="instruction_return_once"),
            models.UniqueConstraint(
                fields=["whole", "part"], condition=~Q(status__in=["FAILED", "RETURNED", "CANCELLED"]), name="instruction_part_once"
            ),
            models.CheckConstraint(
                condition=Q(whole__isnull=True, part=0)
                | Q(whole__isnull=False, part__gte=1, direction="PAY", returns__isnull=True, house_transfer__isnull=True),
                name="instruction_part_of_whole",
            ),
        ]
        indexes = [models.Index(fields=["status", "due_date"], name="instruction_queue")]


class ReleaseBand(Row):
    """How many people let the payments of a rail go, in versions: asked by one, granted by another. The last version counts."""

    append_only = True

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="bands")
    version = models.IntegerField()
    straight_through = AmountField(default=0)
    two_checkers = AmountField(null=True)
    largest = AmountField(null=True)
    most_payments = models.SmallIntegerField(null=True)  # into how many one instruction may be split that is over `largest`
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rail", "version"], name="releaseband_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="releaseband_four_eyes"),
            models.CheckConstraint(
                condition=Q(straight_through__gte=0)
                & (Q(two_checkers__isnull=True) | Q(two_checkers__gte=F("straight_through")))
                & (Q(largest__isnull=True) | Q(largest__gt=0)),
                name="releaseband_amounts",
            ),
            models.CheckConstraint(
                condition=Q(most_payments__isnull=True) | Q(most_payments__gte=2, most_payments__lte=100, largest__isnull=False),
                name="releaseband_payments",
            ),
        ]


class GateDecision(Row):
    """The blockers as they stood at one decision: the operator's screen and the audit story at once."""

    append_only = True

    instruction = models.ForeignKey(Instruction, on_delete=models.PROTECT, related_name="decisions")
    moment = models.CharField(max_length=10)  # CHECK, RELEASE, SEND
    blockers = models.JSONField()
    overridden = models.JSONField(default=list)
    passed = models.BooleanField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField()


class ReleaseStop(Row):
    """No payment leaves while one is thrown: on by one person at once, off by a second."""

    reason = models.CharField(max_length=200)
    thrown_by = models.UUIDField()
    thrown_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(lifted_by__isnull=True) | ~Q(lifted_by=F("thrown_by")), name="releasestop_two_people"),
            models.CheckConstraint(
                condition=Q(lifted_by__isnull=True, lifted_at__isnull=True) | Q(lifted_by__isnull=False, lifted_at__isnull=False),
                name="releasestop_lifted",
            ),
        ]
