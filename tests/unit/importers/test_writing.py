"""What is written is read as it was meant, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glorieta.importers.nginx.writing import flow, scalar

TEXTS = st.text(
    st.sampled_from("aZ09/.?:#&*!|>'\"%@`-=~,;[]{}()$\\ ^+_<ñ…")
    | st.characters(min_codepoint=0x20, max_codepoint=0x7E),
    max_size=12,
)


def read(text: str) -> Any:
    """Every value as text: glorieta takes `on` and `.5` for text where text is meant."""
    return yaml.load(text, Loader=yaml.BaseLoader)


@pytest.mark.parametrize("text", ["/new?a=1", "~/a,b", "a: b", "a #b", "1_0", "/x:", "?", "- a", "{a}"])
def test_a_text_that_yaml_would_read_otherwise(text: str) -> None:
    assert read(flow({"redirect": text})) == {"redirect": text}
    assert read(f"redirect: {scalar(text, flow=False)}") == {"redirect": text}


@given(TEXTS)
def test_a_value(text: str) -> None:
    assert read(flow({"a": text, "b": [text, text]})) == {"a": text, "b": [text, text]}
    assert read(f"a: {scalar(text, flow=False)}") == {"a": text}


@given(TEXTS)
def test_a_key(text: str) -> None:
    assert read(flow({text: "1", "another key": "2"})) == {text: "1", "another key": "2"}
    assert read(f"{scalar(text, flow=False)}: {{a: b}}") == {text: {"a": "b"}}
