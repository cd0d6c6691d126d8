"""From text to a rule, or to an error that says where, what was found and what was expected.

Belongs here: reading text, positions, bounds of size. Does not belong here: types (`checking.py`).

The parser is LALR(1): one pass, no backtracking, no recursion, and no pattern of the lexer nests repetitions, so the
time is linear in a bounded text. The tree is then walked to a bounded depth.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from trading.errors import RuleSyntaxError
from trading.strategies.rules import checking
from trading.strategies.rules.checking import Unfit
from trading.strategies.rules.grammar import (
    DEEPEST_TREE,
    GRAMMAR,
    LARGEST_TREE,
    LONGEST_TEXT,
    LONGEST_WARM_UP_BARS,
    OPERATORS,
    TERMINAL_WORDS,
    VALUE_STARTS,
)
from trading.strategies.rules.syntax import Direction, Node, Rule

Branch = Tree[Token]
Leaf = Branch | Token
Made = TypeVar("Made")

DEFAULT_UNIT = checking.call("atr", [checking.literal("14", "")])


def parse_rule(text: str) -> Rule:
    """Read a rule; the language is in `grammar.py`.

    Args:
        text: At most 4,000 characters.

    Raises:
        RuleSyntaxError: it breaks the grammar, a type, or a bound of size, depth, window or warm-up.
    """
    if len(text) > LONGEST_TEXT:
        raise RuleSyntaxError(1, 1, found=f"{len(text)}", expected=f"at most {LONGEST_TEXT} characters")
    return _rule(text, _tree(text))


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, start="rule", parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _tree(text: str) -> Branch:
    try:
        return _parser().parse(text)
    except UnexpectedToken as unexpected:
        found = "the end of the rule" if unexpected.token.type == "$END" else f"'{unexpected.token}'"
        raise _unreadable(text, unexpected, found, unexpected.accepts or unexpected.expected) from None
    except UnexpectedCharacters as unexpected:
        raise _unreadable(
            text, unexpected, _word_at(text, unexpected.line, unexpected.column), unexpected.allowed
        ) from None


def _unreadable(text: str, unexpected: UnexpectedInput, found: str, terminals: set[str]) -> RuleSyntaxError:
    line, column = unexpected.line, unexpected.column
    if found == "the end of the rule":
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return RuleSyntaxError(line, column, found=found, expected=_in_words(terminals))


def _in_words(terminals: set[str]) -> str:
    words = {TERMINAL_WORDS.get(name, name) for name in terminals - VALUE_STARTS - OPERATORS}
    words |= {"a value"} if "NUMBER" in terminals else set()
    words |= {"an operator"} if "TIMES" in terminals else set()
    return " or ".join(sorted(words))


def _word_at(text: str, line: int, column: int) -> str:
    written = text.split("\n")[line - 1][column - 1 : column + 31]
    end = 1
    while end < len(written) and (written[end].isalnum() or written[end] in "_."):
        end += 1
    return repr(written[:end])


def _rule(text: str, tree: Branch) -> Rule:
    size = sum(1 for _ in tree.iter_subtrees())
    if size > LARGEST_TREE:
        raise RuleSyntaxError(1, 1, found=f"{size}", expected=f"at most {LARGEST_TREE} expressions")
    sides, unit = _sections(text, tree)
    written = {
        name: _checked(text, leaf, checking.require_condition) for name, leaf in sides.items() if isinstance(leaf, Tree)
    }
    rule = Rule(text, _direction("long", sides, written), _direction("short", sides, written), unit)
    if not rule.conditions:
        raise RuleSyntaxError(1, 1, found="neither", expected="a condition for at least one of long and short")
    if rule.warm_up_bars > LONGEST_WARM_UP_BARS:
        expected = f"at most {LONGEST_WARM_UP_BARS} bars of history before the first signal"
        raise RuleSyntaxError(1, 1, found=str(rule.warm_up_bars), expected=expected)
    return rule


def _sections(text: str, tree: Branch) -> tuple[dict[str, Leaf], Node]:
    headings = ("LONG", "SHORT", "UNIT")
    parts = [leaf for leaf in tree.children if not (isinstance(leaf, Token) and leaf.type in headings)]
    unit = DEFAULT_UNIT
    if len(parts) == 3 and isinstance(parts[2], Tree):
        unit = _checked(text, parts[2], checking.require_distance)
    return {"long": parts[0], "short": parts[1]}, unit


def _checked(text: str, leaf: Branch, require: Callable[[Node], None]) -> Node:
    node = _built(text, leaf, 0)
    _placed(leaf, lambda: require(node))
    return node


def _direction(name: str, sides: dict[str, Leaf], written: dict[str, Node]) -> Direction | None:
    if name in written:
        return Direction(written[name])
    word, other = sides[name], "short" if name == "long" else "long"
    if word == "never":
        return None
    if other not in written:
        line, column = _position(word)
        raise RuleSyntaxError(
            line, column, found="'mirror'", expected=f"a condition, because {other} has none to mirror"
        )
    return Direction(written[other], mirrored=True)


def _position(leaf: Leaf) -> tuple[int, int]:
    place = leaf.meta if isinstance(leaf, Tree) else leaf
    return int(place.line or 1), int(place.column or 1)


def _placed(leaf: Leaf, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except Unfit as unfit:
        about = leaf
        if isinstance(leaf, Tree) and unfit.operand is not None:
            about = [child for child in leaf.children if isinstance(child, Tree)][unfit.operand]
        line, column = _position(about)
        raise RuleSyntaxError(line, column, found=unfit.found, expected=unfit.expected) from None


def _built(text: str, tree: Branch, depth: int) -> Node:
    if depth > DEEPEST_TREE:
        line, column = _position(tree)
        raise RuleSyntaxError(line, column, found="a deeper one", expected=f"at most {DEEPEST_TREE} nested expressions")
    below = [_built(text, child, depth + 1) for child in tree.children if isinstance(child, Tree)]
    words = [str(child) for child in tree.children if isinstance(child, Token)]
    span = " ".join(text[tree.meta.start_pos : tree.meta.end_pos].split())
    return _placed(tree, lambda: _MAKERS[tree.data](below, words, span))


_MAKERS: dict[str, Callable[[list[Node], list[str], str], Node]] = {
    "literal": lambda _, words, __: checking.literal(words[0], words[1] if len(words) > 1 else ""),
    "series": lambda _, words, __: checking.series(words[0]),
    "call": lambda below, words, _: checking.call(words[0], below),
    "look_back": lambda below, words, _: checking.look_back(below[0], int(words[0])),
    "negative": lambda below, _, __: checking.negative(below[0]),
    "arithmetic": lambda below, words, _: checking.arithmetic(words[0], below[0], below[1]),
    "comparison": lambda below, words, span: checking.comparison(words[0], below[0], below[1], text=span),
    "crossing": lambda below, words, span: checking.comparison(words[1], below[0], below[1], text=span),
    "disjunction": lambda below, _, __: checking.junction("or", below),
    "conjunction": lambda below, _, __: checking.junction("and", below),
    "negation": lambda below, _, __: checking.junction("not", below),
}
