"""Which of its client's events a key hears. Plain Python: the socket asks for each frame."""

from collections.abc import Collection
from uuid import UUID


def is_shown(*, account_id: UUID | None, asked_by: UUID | None, accounts: Collection[UUID], member_id: UUID | None, whole: bool) -> bool:
    """An event of an account is for keys that name it, one of the client for all; a refusal for the member that asked.

    :param asked_by: whose request was refused, where that is what the event tells (it need not name an account); None for others
    :param accounts: those that the key names
    :param whole: the key names every account of its client: it hears refusals of all members
    """
    if account_id is not None:
        return account_id in accounts
    return asked_by is None or whole or asked_by == member_id
