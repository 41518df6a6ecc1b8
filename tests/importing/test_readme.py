"""The page about mappings is true: its example is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from commands.importing.language import forms
from commands.importing.language.document import File, Step
from commands.importing.language.forms import Condition
from commands.importing.planning import units
from commands.importing.staging import Staged
from tests.importing.planned import bodies, mapping_of, problems, warnings, written

PAGE = (Path(forms.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_example_makes_and_tells_what_the_page_says(tmp_path):
    mapping = mapping_of(BLOCKS["shop.yaml"])
    files = {name: text for name, text in BLOCKS.items() if name.endswith((".csv", ".tsv"))}
    with Staged(mapping, written(tmp_path, files)) as staged:
        found = list(units(mapping, staged))
    made = bodies(found)
    assert [command for command, _ in made] == [
        *("register-customer", "register-customer", "deactivate-customer"),
        *("place-order", "confirm-order", "place-order", "confirm-order"),
    ]
    anna = made[0][1]
    assert (anna["name"], anna["phones"][0]["e164"]) == ("Müller, Anna", "+4930901820")
    assert anna["given"]["name"] == "MÜLLER, ANNA"
    assert [line["unit_price"] for line in made[3][1]["lines"]] == ["1250.00", "8.50"]
    assert [f"{file}:{line}: {message}" for file, line, _, message in problems(found)] == BLOCKS[
        "problems"
    ].splitlines()
    assert {line for line, _ in warnings(found)} == {3, 4}


def test_every_word_of_the_language_is_on_the_page():
    words = {*forms.FORMS, "id"}
    for model in (Condition, File, Step):
        words |= {field.alias or name for name, field in model.model_fields.items()}
    assert {
        word for word in words if f"`{word}" not in PAGE and f"{{{word}:" not in PAGE and f"{word}:" not in PAGE
    } == set()
