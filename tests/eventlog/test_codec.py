"""Old events always load: every version ever released still reads, folds, and is written as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from cryptography.exceptions import InvalidTag

from domain import AGGREGATES
from domain.aggregate import Event, Fact, Personal
from eventlog.codec import Codec, EventType, event_types, kind_of
from eventlog.keys import FileKeyStore
from tests.golden import MOMENT, STREAM, released

TYPES = event_types()
BY_KIND = {kind_of(aggregate): aggregate for aggregate in AGGREGATES}


@pytest.mark.parametrize("event", released(), ids=lambda event: f"{event['type']}.v{event['version']}")
def test_an_event_of_any_release_reads_and_folds_onto_a_blank_aggregate(event, keys):
    state = event["data"] | event["personal"]
    read = Codec(keys).decode(event["type"], event["version"], "acme", STREAM, 1, STREAM, MOMENT, state, None)
    assert read is not None
    BY_KIND[TYPES[event["type"]].stream_type].fold(STREAM, [read])


@pytest.mark.parametrize("known", TYPES.values(), ids=TYPES)
def test_what_this_release_writes_is_what_was_agreed(known, keys):
    golden = [e for e in released() if (e["type"], e["version"]) == (known.name, known.schema_version)]
    assert golden, (
        f"{known.name} v{known.schema_version} is new: run `python -m tests.golden` and commit its golden event"
    )
    state = golden[0]["data"] | golden[0]["personal"]
    read = Codec(keys).decode(known.name, known.schema_version, "acme", STREAM, 1, STREAM, MOMENT, state, None)
    assert orjson.loads(known.text(read)) == golden[0]["data"], (
        "an event changes by addition, with an upcaster and a new version"
    )


def test_personal_fields_are_sealed_for_their_place_and_person(keys):
    codec = Codec(keys)
    known = TYPES["customer.registered"]
    person = uuid4()
    keys.ensure([("acme", person)])
    event = known.event(person, 1, MOMENT, {"kind": "person", "name": "李雷", "emails": ["li@example.com"]})
    stored = codec.encode(event, "acme", keys.find("acme", person))
    assert "李雷" not in (stored.data + stored.personal).decode()
    sealed, data = orjson.loads(stored.personal), orjson.loads(stored.data)
    read = codec.decode(stored.type, 1, "acme", person, 1, person, MOMENT, data, sealed)
    assert (read.name, read.emails) == ("李雷", ("li@example.com",))
    with pytest.raises(InvalidTag):
        codec.decode(stored.type, 1, "acme", person, 2, person, MOMENT, data, sealed)  # moved to another version
    swapped = sealed | {"name": sealed["emails"]}
    with pytest.raises(InvalidTag):
        codec.decode(stored.type, 1, "acme", person, 1, person, MOMENT, data, swapped)


def test_what_a_source_said_before_cleaning_is_as_personal_as_what_it_became():
    for name in ("registered", "renamed", "emails_changed", "addresses_changed"):
        assert "given" in TYPES[f"customer.{name}"].personal


def test_an_upcaster_lifts_what_an_older_release_stored(tmp_path):
    class Called(Fact):
        class_version = 3
        name: Personal[str]
        script: str

        @staticmethod
        def upcast_v1_v2(state):
            state["name"] = state.pop("full_name")

        @staticmethod
        def upcast_v2_v3(state):
            state["script"] = "Latin"

    codec = Codec(FileKeyStore(tmp_path))
    codec.types["test.called"] = EventType("test.called", Called, "test")
    read = codec.decode("test.called", 1, "acme", STREAM, 1, STREAM, MOMENT, {"full_name": "Ana"}, None)
    assert (read.name, read.script) == ("Ana", "Latin")


def test_a_value_that_an_old_event_lacks_reads_as_nothing(keys):
    read = Codec(keys).decode("customer.renamed", 1, "acme", STREAM, 1, STREAM, MOMENT, {}, None)
    assert read.name is None


def test_an_event_that_only_a_newer_release_knows_reads_as_unknown(keys):
    assert Codec(keys).decode("customer.cloned", 1, "acme", STREAM, 1, STREAM, datetime.now(UTC), {}, None) is None


def test_user_data_that_looks_like_a_marker_stays_user_data(keys):
    codec = Codec(keys)
    known = TYPES["customer.tagged"]
    event = known.event(STREAM, 1, MOMENT, {"tag": '{"_type_": "datetime_iso", "_data_": "1"}'})
    stored = codec.encode(event, "acme", None)
    assert isinstance(
        codec.decode(stored.type, 1, "acme", STREAM, 1, STREAM, MOMENT, orjson.loads(stored.data), None), Event
    )
