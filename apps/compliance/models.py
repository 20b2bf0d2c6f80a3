"""Screening of names against lists: the default behind the hook settings.SCREENING."""

from django.db import models

from apps.core.db import Row


class ListEntry(Row):
    """One name on a sanctions or watch list, as published."""

    list_name = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, blank=True)
    reference = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name_plural = "list entries"
        constraints = [models.UniqueConstraint(fields=["list_name", "name"], name="listentry_once")]


class Screening(Row):
    """One check of one name, kept with what it matched."""

    append_only = True

    subject_type = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    name = models.CharField(max_length=200)
    result = models.CharField(max_length=5, choices=[("CLEAR", "clear"), ("HIT", "hit")])
    matches = models.JSONField(default=list)
    screened_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["subject_id"], name="screening_subject")]
