from apps.core.errors import Conflict, Rejected


class NothingToFreeze(Conflict):
    """No open obligation of this value date was booked at or before the cut-off, or a set of it is alive."""

    code, title = "nothing_to_freeze", "Nothing to freeze"


class AlreadySettling(Conflict):
    """Something of the set has been released, paid or settled for good: it cannot be aborted any more."""

    code, title = "already_settling", "The set is settling"


class Blocked(Rejected):
    """The release gate has blockers; `blockers` lists their codes by instruction."""

    code, title = "blocked", "The release gate is closed"


class NothingToRelease(Rejected):
    code, title = "nothing_to_release", "Nothing to release"


class NotOverridable(Rejected):
    """A HARD blocker, or an unknown one, cannot be overridden; a SOFT one needs a reason."""

    code, title = "not_overridable", "This blocker cannot be overridden"


class NotAllowed(Rejected):
    """The member has no settlement authority on this account."""

    code, title = "no_settlement_authority", "This member may not do this on this account"


class NoInstruction(Rejected):
    """There is no ACTIVE settlement instruction of the owner for this asset."""

    code, title = "no_settlement_instruction", "No active settlement instruction"


class NotWithdrawable(Rejected):
    """More than balance, less holds and what the client has to pay us."""

    code, title = "not_withdrawable", "Not enough to withdraw"


class BadAmount(Rejected):
    code, title = "bad_amount", "Not an amount of this asset"


class DuplicateWithdrawal(Conflict):
    code, title = "duplicate_withdrawal", "This reference was used for another withdrawal"


class BadDecision(Rejected):
    """What was decided about a receipt does not fit it."""

    code, title = "bad_decision", "This cannot be decided so"


class NoNostro(Rejected):
    """We have no account or wallet for this asset."""

    code, title = "no_nostro", "No account of ours for this asset"


class UnknownRail(Rejected):
    """settings.RAILS names nothing for this rail."""

    code, title = "unknown_rail", "No such rail"


class ReleaseStopped(Conflict):
    code, title = "release_stopped", "Releases are stopped"


class NotInSet(Rejected):
    """A line that is not of this set, or none at all."""

    code, title = "not_in_set", "Not a line of this set"


class BadExclusion(Rejected):
    """Only an open obligation is excluded, with a reason, and names a cut-off that lies ahead."""

    code, title = "bad_exclusion", "This cannot be excluded so"


class EvidenceMissing(Rejected):
    """What our people record for a client names where the client said so."""

    code, title = "evidence_missing", "Say where the client said so"


class BadAdjustment(Rejected):
    """Not what may be adjusted so; `pointer` names the field."""

    code, title = "bad_adjustment", "This cannot be adjusted so"


class BadHouseTransfer(Rejected):
    """Not between two places of one entity of ours (with a venue or not) in one asset, or not an amount; `pointer` names the field."""

    code, title = "bad_house_transfer", "This is not transferred so"


class BadCapital(Rejected):
    """No receipt that may be capital, or nothing that can be paid out to an owner so; `pointer` names the field."""

    code, title = "bad_capital", "This is not capital"


class BadVenuePlace(Rejected):
    """No place of a venue that can be paid over this rail; `pointer` names the field."""

    code, title = "bad_venue_place", "Nothing is paid in there so"


class BadRedate(Rejected):
    """Not a deal that is late, or not a date, a rate or a consent; `pointer` names the field."""

    code, title = "bad_redate", "This deal is not re-dated so"


class BadCloseOut(Rejected):
    """Not an event of default, or without evidence; `pointer` names the field."""

    code, title = "bad_close_out", "This is not closed out so"


class NothingToCloseOut(Rejected):
    """Nothing is unsettled under an agreement with close-out netting on file."""

    code, title = "nothing_to_close_out", "Nothing to close out"


class MarksMissing(Rejected):
    """An asset has no approved mark for the date; `missing` lists them."""

    code, title = "marks_missing", "There is no approved mark"


class PaymentInFlight(Conflict):
    """A payment of ours has left, or may have: its end is waited for."""

    code, title = "payment_in_flight", "A payment is on its way"


class CloseOutUnexplained(Conflict):
    """The ledger says another amount than the obligations: nothing is closed out on figures that disagree."""

    code, title = "close_out_unexplained", "Ledger and obligations disagree"


class BadBand(Rejected):
    """A release band whose amounts make no sense, or without a reason."""

    code, title = "bad_release_band", "Not a release band"


class NobodyToCheck(Rejected):
    """A rule that nobody present could follow is refused when it is set."""

    code, title = "nobody_to_check", "There are not enough people for this"


class NotReplaceable(Rejected):
    """Not a transaction that hangs on its chain, one that is being replaced, or no better fee; `pointer` names the field."""

    code, title = "not_replaceable", "This transaction is not replaced so"


class NotUnknown(Rejected):
    """Only a payment that is UNKNOWN is ended by hand, with evidence."""

    code, title = "not_unknown", "This payment is not ended by hand"


class StatementGap(Conflict):
    """A statement line came before the lines that precede it; it is read again when they are there."""

    code, title = "statement_gap", "Lines of the statement are missing"


class BadStatement(Rejected):
    """A statement file that cannot be read; line and fault are named, and nothing of it was taken in."""

    code, title = "bad_statement", "The statement cannot be read"


class StatementMissing(Conflict):
    """It does not follow the last statement of its account: one between them is missing, or it is an old one."""

    code, title = "statement_missing", "A statement before this one is missing"


class BadPayTo(Rejected):
    """What clients are to be told of where to pay us lacks something."""

    code, title = "bad_pay_to", "Not a deposit instruction"


class BadMatch(Rejected):
    """Receipts cannot be applied so: another account's, more than came or is owed, past the tolerance, or nothing to undo."""

    code, title = "bad_match", "This cannot be matched so"


class BadTolerance(Rejected):
    """No amount of its asset, or no reason."""

    code, title = "bad_tolerance", "Not a tolerance"


class BadCommission(Rejected):
    """A rate between parties that cannot have one, out of bounds, or a payout of nothing."""

    code, title = "bad_commission", "Not a commission"


class ReleaseReasonMissing(Rejected):
    """A payment is recalled, and all payments are stopped, for a reason, in words."""

    code, title = "release_reason_missing", "Say why"
