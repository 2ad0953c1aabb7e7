"""The furnished site has what its pages are looked at for."""

from __future__ import annotations

from tests.web.furnished import Furnished


def test_a_furnished_site_has_restores_and_archives_in_every_state(furnished: Furnished) -> None:
    site = furnished.site
    states = {one["state"] for one in site.get("/v1/restores")["restores"]}
    assert states >= {"IN_PROGRESS", "PAUSED", "ACTIVE", "DONE", "ABORTED", "FAILED", "DELETED"}
    archives = {one["id"]: one["status"]["state"] for one in site.get("/v1/archives")["archives"]}
    assert archives["broken"] == "failing"
    assert {"ok", "paused", "off"} <= set(archives.values())
    (checked,) = [one for one in site.get("/v1/archives")["archives"] if one["id"] == "errors"]
    assert [one["ok"] for one in checked["checks"]] == [False]
    hours = site.get("/v1/archives/main/hours")["hours"]
    assert {one["objects"] for one in hours} >= {1, 2}  # late ones
    assert len(hours) < 24 * 3  # gaps
