"""Pipelines, their former versions, and the keys of their sources."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import pipeline_versions, pipelines, source_keys
from logkeep.catalog.rows import check_id, get_account
from logkeep.catalog.values import AccountKind, Pipeline, PipelineVersion, SourceKey
from logkeep.errors import InputError, NotFound

_MOST_VERSIONS = 1000  # kept of one pipeline; the oldest go
_PREFIX = "lkp_"
_TOKEN_BYTES = 32
_CACHED_KEYS = 10_000  # far more than a server has; only a bound
_VERSION = (
    pipelines.c.id,
    pipeline_versions.c.account,
    pipeline_versions.c.version,
    pipeline_versions.c.spec,
    pipeline_versions.c.secret,
    pipelines.c.created_at,
    pipeline_versions.c.at.label("updated_at"),
    pipeline_versions.c.by.label("updated_by"),
)


class Pipelines:
    """A pipeline, its versions and its keys change together, in one transaction each time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resolved: dict[str, SourceKey] = {}
        self._lock = threading.Lock()

    def save(self, pipeline: Pipeline) -> Pipeline:
        """Keep this as the newest version, and make the pipeline if it is not there. Its number is given
        here, and so is the time of creation of one that is there. The thousand newest versions stay.

        Raises InputError for a bad id and for a restored account, NotFound for an unknown account.
        """
        check_id(pipeline.id, "the id of a pipeline")
        with self._database.writing() as connection:
            if get_account(connection, pipeline.account).kind is not AccountKind.LIVE:
                raise InputError(f"{pipeline.account!r} is a restored account, which has no pipelines")
            saved = _numbered(connection, pipeline)
            connection.execute(insert(pipeline_versions).values(_version_row(saved)))
            connection.execute(
                delete(pipeline_versions).where(
                    pipeline_versions.c.pipeline == saved.id,
                    pipeline_versions.c.version <= saved.version - _MOST_VERSIONS,
                )
            )
        return saved

    def get(self, pipeline_id: str) -> Pipeline:
        """The newest version. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(_newest().where(pipelines.c.id == pipeline_id)).one_or_none()
        if row is None:
            raise no_pipeline(pipeline_id)
        return _pipeline(row)

    def list(self) -> Sequence[Pipeline]:
        """The newest version of every pipeline, by id."""
        with self._database.reading() as connection:
            return [_pipeline(row) for row in connection.execute(_newest().order_by(pipelines.c.id))]

    def versions(self, pipeline_id: str) -> Sequence[PipelineVersion]:
        """What is kept, newest first. Raises NotFound."""
        columns = pipeline_versions.c
        query = (
            select(columns.version, columns.at, columns.by, columns.spec)
            .where(columns.pipeline == pipeline_id)
            .order_by(columns.version.desc())
        )
        with self._database.reading() as connection:
            _check_there(connection, pipeline_id)
            return [PipelineVersion(**row._mapping) for row in connection.execute(query)]

    def version(self, pipeline_id: str, number: int) -> Pipeline:
        """The pipeline as it was then, with its secrets of then. Raises NotFound."""
        query = _every_version().where(pipelines.c.id == pipeline_id, pipeline_versions.c.version == number)
        with self._database.reading() as connection:
            _check_there(connection, pipeline_id)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_version(pipeline_id, number)
        return _pipeline(row)

    def delete(self, pipeline_id: str) -> None:
        """Delete a pipeline with its versions and keys. Its archives stay. Raises NotFound."""
        with self._database.writing() as connection:
            if not connection.execute(delete(pipelines).where(pipelines.c.id == pipeline_id)).rowcount:
                raise no_pipeline(pipeline_id)
        with self._lock:
            self._resolved = {
                digest: key for digest, key in self._resolved.items() if key.pipeline != pipeline_id
            }

    def issue_key(self, pipeline_id: str, source: str, now: int) -> str:
        """A new token for a source, in plain text this one time; the former one opens nothing from now on.
        Only its SHA-256 is kept. Raises NotFound for an unknown pipeline; sources are not looked at."""
        token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        row = {"pipeline": pipeline_id, "source": source, "digest": _digest(token), "created_at": now}
        with self._database.writing() as connection:
            _check_there(connection, pipeline_id)
            _delete_key(connection, pipeline_id, source)
            connection.execute(insert(source_keys).values(row))
        self._forget(SourceKey(pipeline=pipeline_id, source=source))
        return token

    def resolve(self, token: str) -> SourceKey | None:
        """What this token opens; None if nothing. A known one costs a hash and a look into a dict."""
        digest = _digest(token)
        found = self._resolved.get(digest)
        if found is not None:
            return found
        with self._lock:  # so that no key deleted meanwhile enters the cache
            key = self._look_up(digest)
            if key is not None and len(self._resolved) < _CACHED_KEYS:
                self._resolved[digest] = key
        return key

    def keys(self, pipeline_id: str) -> Mapping[str, int]:
        """When the key of each source was made; none for a pipeline that is not there."""
        query = select(source_keys.c.source, source_keys.c.created_at).where(
            source_keys.c.pipeline == pipeline_id
        )
        with self._database.reading() as connection:
            return {row.source: row.created_at for row in connection.execute(query.order_by("source"))}

    def revoke(self, pipeline_id: str, source: str) -> None:
        """The source's key opens nothing from now on. Nothing happens where there is none."""
        with self._database.writing() as connection:
            _delete_key(connection, pipeline_id, source)
        self._forget(SourceKey(pipeline=pipeline_id, source=source))

    def sealed_secrets(self) -> Sequence[tuple[str, bytes]]:
        """(`PIPELINE/VERSION`, sealed secrets) of every version that has some."""
        columns = pipeline_versions.c
        query = select(columns.pipeline, columns.version, columns.secret).where(columns.secret != b"")
        with self._database.reading() as connection:
            return [(f"{row.pipeline}/{row.version}", row.secret) for row in connection.execute(query)]

    def reseal(self, version: str, secret: bytes, /, *, was: bytes) -> bool:
        """Replace sealed secrets by the same ones under another key, unless they are no longer those that
        were read. Returns whether they were replaced."""
        pipeline_id, _, number = version.partition("/")
        columns = pipeline_versions.c
        same = columns.pipeline == pipeline_id, columns.version == int(number), columns.secret == was
        with self._database.writing() as connection:
            change = update(pipeline_versions).where(*same).values(secret=secret)
            return connection.execute(change).rowcount > 0

    def _look_up(self, digest: str) -> SourceKey | None:
        query = select(source_keys.c.pipeline, source_keys.c.source).where(source_keys.c.digest == digest)
        with self._database.reading() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else SourceKey(**found._mapping)

    def _forget(self, gone: SourceKey) -> None:
        with self._lock:
            self._resolved = {digest: key for digest, key in self._resolved.items() if key != gone}


def _numbered(connection: Connection, pipeline: Pipeline) -> Pipeline:
    """The pipeline as its next version, which is the one that its row names from now on."""
    row = connection.execute(select(pipelines).where(pipelines.c.id == pipeline.id)).one_or_none()
    if row is None:
        first = replace(pipeline, version=1)
        values = {name: getattr(first, name) for name in pipelines.c.keys()}  # noqa: SIM118
        connection.execute(insert(pipelines).values(values))
        return first
    change = {"version": row.version + 1, "account": pipeline.account}
    connection.execute(update(pipelines).where(pipelines.c.id == pipeline.id).values(change))
    return replace(pipeline, version=row.version + 1, created_at=row.created_at)


def _version_row(pipeline: Pipeline) -> dict[str, object]:
    return {
        "pipeline": pipeline.id,
        "version": pipeline.version,
        "account": pipeline.account,
        "at": pipeline.updated_at,
        "by": pipeline.updated_by,
        "spec": pipeline.spec,
        "secret": pipeline.secret,
    }


def _every_version() -> Select[tuple[object, ...]]:
    return select(*_VERSION).join(pipeline_versions, pipeline_versions.c.pipeline == pipelines.c.id)


def _newest() -> Select[tuple[object, ...]]:
    return _every_version().where(pipeline_versions.c.version == pipelines.c.version)


def _pipeline(row: Row[tuple[object, ...]]) -> Pipeline:
    return Pipeline(**row._mapping)


def _check_there(connection: Connection, pipeline_id: str) -> None:
    if connection.scalar(select(pipelines.c.id).where(pipelines.c.id == pipeline_id)) is None:
        raise no_pipeline(pipeline_id)


def _delete_key(connection: Connection, pipeline_id: str, source: str) -> None:
    one = source_keys.c.pipeline == pipeline_id, source_keys.c.source == source
    connection.execute(delete(source_keys).where(*one))


def no_pipeline(pipeline_id: str) -> NotFound:
    return NotFound(
        f"there is no pipeline {pipeline_id!r}", hint="see the pipelines with: logkeep pipeline ls"
    )


def no_version(pipeline_id: str, number: int) -> NotFound:
    return NotFound(
        f"pipeline {pipeline_id!r} has no version {number}",
        hint=f"see its versions with: logkeep pipeline versions {pipeline_id}",
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
