"""Values: canonical form against the json module, equality by type and content, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bayou.core.values import (
    BYTES_MAX,
    DEPTH_MAX,
    Value,
    check_value,
    is_text,
    of_value,
    text_of,
    text_value,
    to_value,
)
from tests.messages import odd, plain_values

any_plain = plain_values | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)
"""JSON values, and what is none though Python's json might take it."""


# The slow, obvious twin.


def is_value(plain: Any, room: int = DEPTH_MAX) -> bool:
    """Whether something is a JSON value within the limits, null included."""
    if type(plain) is list:
        return room > 0 and all(is_value(each, room - 1) for each in plain)
    if type(plain) is dict:
        return (
            room > 0
            and all(type(key) is str and is_value(key) for key in plain)
            and all(is_value(each, room - 1) for each in plain.values())
        )
    if type(plain) is str:
        return not any("\ud800" <= char <= "\udfff" for char in plain)
    if type(plain) is float:
        return plain not in (float("inf"), float("-inf")) and plain == plain
    if type(plain) is int:
        return -(2**63) <= plain < 2**63
    return plain is None or type(plain) is bool


def canonical(plain: Any) -> str:
    """What the json module makes of a value, but for the zero that it writes with a sign."""
    return json.dumps(
        without_minus_zero(plain), ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )


def without_minus_zero(plain: Any) -> Any:
    if type(plain) is list:
        return [without_minus_zero(each) for each in plain]
    if type(plain) is dict:
        return {key: without_minus_zero(each) for key, each in plain.items()}
    return 0.0 if type(plain) is float and plain == 0 else plain


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal where type and content are."""
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def refused(plain: Any) -> bool:
    try:
        to_value(plain)
    except (TypeError, ValueError):
        return True
    return False


@given(any_plain)
@settings(max_examples=1000)
@example(-0.0)
@example([[-0.0, 0.0, 0]])
@example({"\U0001f600": 1, "\uffff": 2, "z": 3, "Z": 4, "": 5})
@example('\x00\x1f\x7f"\\/\b\f\n\r\t\u2028é')
@example([1e16, 1e15, 1e-5, 123456789.125, 5e-324, 1.7976931348623157e308])
@example(float("nan"))
@example({1: 2})
@example({True: 1})
@example((1,))
@example([b"x"])
def test_canonical_form_is_what_json_makes_of_it(plain: Any) -> None:
    if plain is None or not is_value(plain):
        assert refused(plain)
        return
    value = to_value(plain)
    assert value == canonical(plain)
    assert same(of_value(value), without_minus_zero(plain))
    assert check_value(value) is value
    assert to_value(of_value(value)) == value
    assert is_text(value) is (type(plain) is str)


@given(plain_values, plain_values)
def test_values_are_equal_where_type_and_content_are(one: Any, other: Any) -> None:
    """1, 1.0 and true are the same to Python."""
    for a, b in ((one, other), (one, one), ([one, 1], [one, True]), ({"k": 0}, {"k": False})):
        assert (to_value(a) == to_value(b)) is same(without_minus_zero(a), without_minus_zero(b))


def test_what_python_takes_for_one_is_four_values() -> None:
    alike: list[Any] = [1, 1.0, "1", True]
    assert len(dict.fromkeys(map(to_value, alike))) == 4
    assert [same(of_value(to_value(each)), each) for each in alike] == [True] * 4
    assert len({to_value([each]) for each in alike}) == 4
    assert to_value(0.0) == to_value(-0.0) != to_value(0)


@given(plain_values, st.sampled_from([{"ensure_ascii": True}, {"indent": 1}, {"separators": (", ", ":")}]))
def test_another_form_of_a_value_is_none(plain: Any, how: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": True}
    other = json.dumps(plain, **{**usual, **how})
    if other != canonical(plain):
        with pytest.raises(ValueError, match="not in canonical form"):
            check_value(other)
    else:
        assert check_value(other) == to_value(plain)


near_json = st.text(alphabet='{}[]",:\\0123456789-+.eEtrufalsn \n\x01é', max_size=12)


@given(near_json | st.text(max_size=8).map(lambda text: f'"{text}"') | st.binary(max_size=8).map(odd))
@settings(max_examples=1500)
@example("")
@example('"')
@example('""')
@example('"a')
@example('a"')
@example('"a"b"')
@example('"\\"')
@example('"\\u0041"')
@example('"\\ud83d\\ude00"')
@example("-0")
@example("-0.0")
@example("1E5")
@example("01")
@example("NaN")
@example("[Infinity]")
@example('{"a":1,"a":1}')
@example("null")
@example("9" * 5000)
@example("[" * 100_000)
@example("\ufeff1")
def test_a_text_is_a_value_where_it_is_the_canonical_form_of_one(text: str) -> None:
    """Whatever a text is: it is taken as it is, or refused with a ValueError."""
    try:
        plain = json.loads(text)
        is_one = plain is not None and is_near(plain) and canonical(plain) == text
    except (ValueError, RecursionError):
        is_one = False
    if is_one:
        assert check_value(text) is text
    else:
        with pytest.raises(ValueError):  # noqa: PT011  # its words differ; each says what is wrong
            check_value(text)


def is_near(plain: Any) -> bool:
    """As is_value, but that texts may hold odd bytes: of these a row decides."""
    return is_value(json.loads(json.dumps(plain).replace("\\ud", "\\u0")))


@given(st.text(max_size=20) | st.binary(max_size=20).map(odd))
def test_texts_go_there_and_back_without_json(text: str) -> None:
    value = text_value(text)
    assert value == json.dumps(text, ensure_ascii=False)
    assert text_of(value) == of_value(value) == text
    assert check_value(value) == value


# Limits.


def nested(depth: int) -> Any:
    plain: Any = 1
    for level in range(depth):
        plain = [plain] if level % 2 else {"a": plain}
    return plain


def test_values_nest_sixteen_deep() -> None:
    assert of_value(to_value(nested(16))) == nested(16)
    with pytest.raises(ValueError, match="nested more than 16 deep"):
        to_value(nested(17))
    with pytest.raises(ValueError, match="nested more than 16 deep"):
        check_value(canonical(nested(17)))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested more than 16 deep"):
        to_value(endless)


@pytest.mark.parametrize(
    ("plain", "error", "why"),
    [
        (2**63, ValueError, "a whole number beyond 64 bits with sign"),
        (-(2**63) - 1, ValueError, "a whole number beyond 64 bits with sign"),
        (float("inf"), ValueError, "the fraction inf is not finite"),
        (float("nan"), ValueError, "the fraction nan is not finite"),
        (None, TypeError, "null is no value of a row: a row without a value is not there"),
        ((1,), TypeError, "a tuple is no JSON value"),
        ({1: 2}, TypeError, "a int as a key of an object, where a text is due"),
        (b"x", TypeError, "a bytes is no JSON value; bytes may travel as a text in base64"),
        ("a\udc80", ValueError, "a text with a lone surrogate, which UTF-8 does not have"),
        ({"\ud800": 1}, ValueError, "a text with a lone surrogate, which UTF-8 does not have"),
        ("u" * (BYTES_MAX - 1), ValueError, "a value of 1048577 bytes; 1048576 are the limit"),
        ("é" * (BYTES_MAX // 2), ValueError, "a value of 1048578 bytes; 1048576 are the limit"),
    ],
)  # fmt: skip
def test_what_can_be_no_value_is_refused_with_its_reason(
    plain: Any, error: type[Exception], why: str
) -> None:
    with pytest.raises(error) as caught:
        to_value(plain)
    assert str(caught.value) == why


def test_what_is_just_within_the_limits_is_a_value() -> None:
    fine: list[Any] = [2**63 - 1, -(2**63), "u" * (BYTES_MAX - 2), [None], {"": None}, [], {}, "", False]
    for plain in fine:
        assert same(of_value(to_value(plain)), plain)


def test_a_text_longer_than_any_value_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(ValueError, match="more than any can have"):
        check_value("[" + "1," * (BYTES_MAX // 2) + "1]")
    with pytest.raises(ValueError, match="more than any can have"):
        check_value(f'"{"u" * (6 * BYTES_MAX)} "x')


def test_what_is_no_text_has_none() -> None:
    with pytest.raises(ValueError, match="1 is no text"):
        text_of(Value("1"))
