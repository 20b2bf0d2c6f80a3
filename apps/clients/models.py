"""Who deals with us, where, under which terms, with which keys, and where we pay them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row
from apps.instruments.models import BookingEntity

from .states import ClientStatus, SsiStatus

STATUSES = [(s, s) for s in ClientStatus]


class Group(Row):
    """Adds up credit and reporting only; netting, set-off and visibility never cross a legal entity."""

    name = models.CharField(max_length=120, unique=True)

    def __str__(self) -> str:
        return self.name


class Counterparty(Row):
    """A legal entity in one or more roles: CLIENT, LP, VENUE, CUSTODIAN, BANK, INTRODUCER; or HOUSE alone: a booking entity of ours."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=120)
    lei = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)
    roles = ArrayField(models.CharField(max_length=12))
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="counterparties")
    status = models.CharField(max_length=12, choices=STATUSES, default=ClientStatus.PROSPECT)
    email = models.EmailField(blank=True)
    review_due = models.DateField(null=True, blank=True)  # when what we know about it has to be looked at again
    house_of = models.OneToOneField(BookingEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="house")

    class Meta:
        verbose_name_plural = "counterparties"
        constraints = [
            models.CheckConstraint(
                condition=Q(roles=["HOUSE"], house_of__isnull=False) | (~Q(roles__contains=["HOUSE"]) & Q(house_of__isnull=True)),
                name="counterparty_house",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Account(Row):
    """Where a client deals: every RFQ, trade, obligation, balance and statement names one."""

    owner = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="accounts")
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=12, choices=STATUSES, default=ClientStatus.PROSPECT)
    is_default = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner"], condition=Q(is_default=True), name="account_one_default")]

    @property
    def is_frozen(self) -> bool:
        """By sanctions, client or account: nothing of it is paid, returned, netted, set off or charged."""
        return ClientStatus.FROZEN in {self.status, self.owner.status}

    def __str__(self) -> str:
        return self.code


class Member(Row):
    """A person (or system) of a client who may act for it."""

    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="members")
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)  # a list knows the name: acts no more until compliance has decided

    class Meta:
        constraints = [models.UniqueConstraint(fields=["counterparty", "name"], name="member_name")]

    def __str__(self) -> str:
        return self.name


class Authority(Row):
    """What a member may do on one account: viewer, trader, settlement, admin; up to a limit a deal in USD."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="authorities")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="authorities")
    roles = ArrayField(models.CharField(max_length=12))
    dealing_limit = AmountField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "authorities"
        constraints = [models.UniqueConstraint(fields=["member", "account"], name="authority_once")]


class ApiKey(Row):
    """The public half of an Ed25519 key of one member."""

    key_id = models.CharField(max_length=40, unique=True)
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="keys")
    public_key = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=10))
    accounts = models.ManyToManyField(Account, blank=True)  # none: all that the member has authority for
    allowed_cidrs = ArrayField(models.CharField(max_length=43), default=list)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    limits = models.JSONField(default=dict, blank=True)  # overrides of the default rates, e.g. {"rfqs": "400/4s"}
    caps = models.JSONField(default=dict, blank=True)  # {"pairs": ["BTC-USD"], "deal_usd": "1000000", "day_usd": "5000000"}: each optional
    api_version = models.CharField(max_length=10, default="2026-11-15")  # one of rules.API_VERSIONS: what its answers look like
    warned_days = models.SmallIntegerField(null=True, blank=True)  # the last warning of its end: how many days before

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(scopes__overlap=["trade", "settle", "withdraw", "hedge"]) | ~Q(allowed_cidrs=[]), name="apikey_allow_list"
            )
        ]

    def __str__(self) -> str:
        return self.key_id


class KeyUse(Row):
    """What a key with a cap a day has dealt on one trade date, in USD."""

    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="uses")
    day = models.DateField()
    used = AmountField()

    class Meta:
        verbose_name, verbose_name_plural = "use of a key", "uses of keys"
        constraints = [
            models.UniqueConstraint(fields=["key", "day"], name="keyuse_once"),
            models.CheckConstraint(condition=Q(used__gt=0), name="keyuse_positive"),
        ]


class SettlementMode(models.TextChoices):
    PREFUNDED = "PREFUNDED"
    CLIENT_FIRST = "CLIENT_FIRST"
    CREDIT = "CREDIT"


class Terms(Row):
    """Versioned; a deal keeps the version it was dealt under."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="terms")
    version = models.IntegerField()
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField(null=True, blank=True)
    entity_id = models.UUIDField()  # our contracting entity (instruments.BookingEntity)
    book_id = models.UUIDField()
    mode = models.CharField(max_length=12, choices=SettlementMode.choices)
    pairs = ArrayField(models.CharField(max_length=25))
    tier = models.CharField(max_length=20, default="standard")
    markup_bps = AmountField(default=0)
    fee_bps = AmountField(default=0)
    fee_mode = models.CharField(
        max_length=8, choices=[("ADDED", "added"), ("INCLUDED", "included"), ("INVOICED", "invoiced")], default="INCLUDED"
    )
    auto_max_usd = AmountField()  # above it a person prices
    auto_credit_share = AmountField(default=1)  # of the line, up to which quotes go out by themselves
    min_life_ms = models.IntegerField(default=500)
    # Fair use over a day, of the default account's terms for the whole client: judged from `fair_use_from` requests on; fewer deals than
    # one per `fair_use_soft` requests is a warning, fewer than one per `fair_use_hard` stops new requests (null: never).
    fair_use_from = models.IntegerField(default=1000)
    fair_use_soft = models.IntegerField(default=200)
    fair_use_hard = models.IntegerField(null=True, blank=True)
    payment_netting = models.BooleanField(default=False)
    netting_agreement = models.CharField(max_length=80, blank=True)
    close_out_netting = models.BooleanField(default=False)  # what deals cost to replace adds up net, from `close_out_date` on
    close_out_agreement = models.CharField(max_length=80, blank=True)
    close_out_date = models.DateField(null=True, blank=True)
    netting_cutoff = models.TimeField()
    netting_zone = models.CharField(max_length=40)
    silence_agrees = models.BooleanField(default=True)
    safeguarded = models.BooleanField(default=False)
    tenor = models.SmallIntegerField(null=True, blank=True)  # of an LP: business days to the value date of a hedge that names none
    prehedge_consent = models.CharField(max_length=80, blank=True)  # where it is written; empty: we may not deal ahead of this client

    class Meta:
        verbose_name_plural = "terms"
        constraints = [
            models.CheckConstraint(
                condition=Q(close_out_netting=False) | ~Q(close_out_agreement="") & Q(close_out_date__isnull=False), name="terms_close_out"
            ),
            models.CheckConstraint(condition=Q(tenor__isnull=True) | Q(tenor__gte=0, tenor__lte=2), name="terms_tenor"),
            models.CheckConstraint(
                condition=Q(effective_until__isnull=True) | Q(effective_until__gte=F("effective_from")), name="terms_in_order"
            ),
            models.UniqueConstraint(fields=["account", "version"], name="terms_version"),
            models.UniqueConstraint(fields=["account"], condition=Q(effective_until__isnull=True), name="terms_one_current"),
            models.CheckConstraint(
                condition=Q(fair_use_from__gt=0, fair_use_soft__gt=0)
                & (Q(fair_use_hard__isnull=True) | Q(fair_use_hard__gte=F("fair_use_soft"))),
                name="terms_fair_use",
            ),
        ]


class FairUse(models.Model):
    """A client that asks much more than it deals: requests and deals of the last day, as last judged. No row, or OK: it does not."""

    client = models.OneToOneField(Counterparty, primary_key=True, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=4, choices=[("OK", "ok"), ("SOFT", "warned"), ("HARD", "stopped")])
    requests = models.BigIntegerField()
    deals = models.BigIntegerField()
    since = models.DateTimeField()  # it is on this level
    until = models.DateTimeField()  # a stop ends by itself: the next full hour, when the oldest hour leaves the day

    class Meta:
        verbose_name_plural = "fair use"


class ContactNumber(Row):
    """A telephone number of a client, put on file before it is needed: at it a new settlement instruction is confirmed."""

    append_only = True

    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="numbers")
    person = models.CharField(max_length=120)
    number = models.CharField(max_length=16)  # E.164: + and 8 to 15 digits
    recorded_by = models.UUIDField(null=True)  # null: out of the onboarding file
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__regex=r"^\+[1-9][0-9]{7,14}$"), name="contactnumber_e164")]


_UNVERIFIED = ["DRAFT", "VERIFYING", "REJECTED"]
_FILE = Q(proposed_by__isnull=True, entered_by__isnull=True)


class Ssi(Row):
    """Standing settlement instruction: where we pay this account. Never edited; a change is a new one.

    One out of the onboarding file has nobody in `proposed_by` and `entered_by`. Every other one has two members of the client, two of
    operations, evidence and a time to cool off before it is paid on; or it was entered by one of operations on the client's word, proven by
    another on a call back, signed by risk or compliance, and no member objected while it cooled off. One of an LP or venue was signed with
    its taking on, or proven by two of ours since (clients_ssi_of_lp_by_two).
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ssis")
    rail_code = models.CharField(max_length=30)
    asset_code = models.CharField(max_length=12)
    holder = models.CharField(max_length=120)  # the account's owner
    address = models.CharField(max_length=120)  # IBAN or account number, or the wallet's address
    bic = models.CharField(max_length=11, blank=True)
    self_hosted = models.BooleanField(default=False)  # a wallet whose keys the client itself holds
    status = models.CharField(max_length=10, choices=[(s, s) for s in SsiStatus], default=SsiStatus.DRAFT)
    proposed_by = models.UUIDField(null=True, blank=True)  # member
    entered_by = models.UUIDField(null=True, blank=True)  # or one of operations, on the client's word
    word = models.JSONField(default=dict, blank=True)  # of that: person, channel, reference
    approved_by = models.UUIDField(null=True, blank=True)  # a second member
    evidence_kind = models.CharField(max_length=14, blank=True)  # CALL_BACK, SIGNED_MESSAGE, MICRO_TRANSFER
    evidence = models.JSONField(default=dict, blank=True)
    verified_by = models.UUIDField(null=True, blank=True)  # of operations
    checked_by = models.UUIDField(null=True, blank=True)  # another one of operations
    compliance_by = models.UUIDField(null=True, blank=True)  # beside them for a wallet in the client's own hands
    cooling_until = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name, verbose_name_plural = "settlement instruction", "settlement instructions"
        indexes = [models.Index(fields=["status", "cooling_until"], name="ssi_queue")]
        constraints = [
            models.UniqueConstraint(fields=["account", "asset_code"], condition=Q(status="ACTIVE"), name="ssi_one_active"),
            models.CheckConstraint(condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")), name="ssi_two_members"),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True) | Q(status__in=["DRAFT", "REJECTED"]) | Q(approved_by__isnull=False),
                name="ssi_client_approved",
            ),
            models.CheckConstraint(
                condition=_FILE
                | Q(status__in=_UNVERIFIED)
                | Q(verified_by__isnull=False, checked_by__isnull=False, cooling_until__isnull=False) & ~Q(evidence_kind=""),
                name="ssi_verified",
            ),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True)
                | ~Q(checked_by=F("verified_by"))
                & (Q(compliance_by__isnull=True) | ~Q(compliance_by=F("verified_by")) & ~Q(compliance_by=F("checked_by"))),
                name="ssi_four_eyes",
            ),
            models.CheckConstraint(
                condition=_FILE
                | Q(self_hosted=False) & ~Q(evidence_kind="SIGNED_MESSAGE")
                | Q(status__in=_UNVERIFIED)
                | Q(compliance_by__isnull=False),
                name="ssi_self_hosted",
            ),
            models.CheckConstraint(
                condition=Q(entered_by__isnull=True)
                | Q(proposed_by__isnull=True, approved_by__isnull=True)
                & ~Q(word={})
                & (Q(verified_by__isnull=True) | ~Q(verified_by=F("entered_by")))
                & (Q(checked_by__isnull=True) | ~Q(checked_by=F("entered_by")))
                & (Q(compliance_by__isnull=True) | ~Q(compliance_by=F("entered_by"))),
                name="ssi_entered",
            ),
        ]


class Coverage(Row):
    """Whose client an account is, in versions: our sales people with their shares of the credit, and who introduced it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="coverages")
    version = models.IntegerField()
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField(null=True, blank=True)
    sales = models.JSONField(default=list)  # [{"person": user id, "share": percent}], the shares sum to 100
    introducer = models.ForeignKey(Counterparty, null=True, blank=True, on_delete=models.PROTECT, related_name="introduced")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="coverage_version"),
            models.UniqueConstraint(fields=["account"], condition=Q(effective_until__isnull=True), name="coverage_one_current"),
        ]
