from __future__ import annotations

import msgspec

from logkeep.receivers.lines import Origin
from logkeep.receivers.mezmo import receive_mezmo
from logkeep.receivers.ndjson import receive_ndjson
from logkeep.record import Record
from logkeep.sample import SampleBody, sample_bodies, sample_json_lines
from logkeep.timeline import Hour, hour_of

FIRST = Hour(500_000)


def records(bodies: list[SampleBody]) -> list[Record]:
    found: list[Record] = []
    for body in bodies:
        receive = receive_mezmo if body.path == "/logs/ingest" else receive_ndjson
        received = receive(body.data, Origin())
        assert (len(received.records), list(received.refused)) == (body.lines, [])
        found += received.records
    return found


def test_there_are_exactly_as_many_lines_as_asked_for_and_as_many_in_each_hour() -> None:
    bodies = list(sample_bodies(lines=10_001, first_hour=FIRST, hours=6, lines_per_body=700))
    by_hour = {FIRST + n: 0 for n in range(6)}
    for body in bodies:
        by_hour[body.hour] += body.lines
    assert sum(by_hour.values()) == 10_001
    assert set(by_hour.values()) == {1666, 1667}


def test_every_line_has_a_time_inside_its_hour() -> None:
    for body in sample_bodies(lines=6000, first_hour=FIRST, hours=3, lines_per_body=500):
        assert {hour_of(record.ts) for record in records([body])} == {body.hour}


def test_the_same_seed_gives_the_same_bodies_and_another_gives_others() -> None:
    def made(seed: int) -> list[SampleBody]:
        return list(sample_bodies(lines=2000, first_hour=FIRST, hours=2, seed=seed, lines_per_body=500))

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_json_and_text_of_several_hosts_and_apps_are_mixed() -> None:
    found = records(list(sample_bodies(lines=8000, first_hour=FIRST, hours=1, lines_per_body=1000)))
    assert {"orders", "nginx", "sshd", "depot", "kernel", "systemd", "postgres"} <= {r.app for r in found}
    assert len({record.host for record in found}) > 20
    assert {record.level for record in found} == {"debug", "info", "warn", "error"}
    assert 0.4 < sum(record.line.startswith("{") for record in found) / len(found) < 0.6
    assert any(record.line.startswith("\tat ") for record in found)


def test_lines_are_as_long_as_real_ones() -> None:
    found = records(list(sample_bodies(lines=8000, first_hour=FIRST, hours=1, lines_per_body=1000)))
    assert 110 < sum(len(record.line) for record in found) / len(found) < 200


def test_a_file_of_json_lines_holds_json_lines() -> None:
    lines = b"".join(sample_json_lines(lines=7001, first_hour=FIRST, hours=2)).splitlines()
    assert len(lines) == 7001
    assert all(msgspec.json.decode(line)["timestamp"] for line in lines)
