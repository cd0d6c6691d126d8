"""From text to a rule, or to an error that says where, what was found and what was expected.

Belongs here: reading text, positions, bounds of size. Does not belong here: types (`checking.py`), what a declaration
means (`declarations.py`).

The parser is LALR(1): one pass, no backtracking, no recursion, and no pattern of the lexer nests repetitions, so the
time is linear in a bounded text. The tree is then walked to a bounded depth.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeVar

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from trading.errors import RuleSyntaxError
from trading.strategies.genome import Genome, Parameter, RuleText
from trading.strategies.rules import checking, declarations
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
from trading.strategies.rules.slips import mended
from trading.strategies.rules.syntax import Direction, Literal, Node, Rule

Branch = Tree[Token]
Leaf = Branch | Token
Made = TypeVar("Made")

TEXTS_AT_HAND = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is read: itself, and what its parameters are."""

    text: str
    parameters: Mapping[str, Literal]


def rule_text(text: str) -> RuleText:
    """Read a rule as a style: the text, and the schema of the genomes that fill it. The language is in `grammar.py`.

    Args:
        text: At most 4,000 characters.

    Raises:
        RuleSyntaxError: it breaks the grammar, a type, or a bound of size, depth, window or warm-up, at the values its
            parameters begin with or at any other within their bounds.
    """
    with _mending(text):
        rows = _rows(text)
        _rule(text, {name: row.default for name, row in rows.items()})
    return RuleText(text, tuple(sorted(rows.values(), key=lambda row: row.name)))


def parse_rule(text: str, genome: Genome | None = None) -> Rule:
    """Read a rule at the numbers of a genome, or at those its parameters begin with; see `rule_text`.

    Args:
        text: At most 4,000 characters.
        genome: As returned by `genome.validated` for this text.

    Raises:
        RuleSyntaxError: as `rule_text`.
    """
    with _mending(text):
        return _rule(text, genome or {name: row.default for name, row in _rows(text).items()})


@contextmanager
def _mending(text: str) -> Iterator[None]:
    """Let an error about a text say what to write instead, where that can be told."""
    try:
        yield
    except RuleSyntaxError as wrong:
        raise mended(text, wrong) from None


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, start="rule", parser="lalr", propagate_positions=True, maybe_placeholders=False)


@lru_cache(maxsize=TEXTS_AT_HAND)
def _tree(text: str) -> Branch:
    if len(text) > LONGEST_TEXT:
        raise RuleSyntaxError(1, 1, was=f"{len(text)}", expected=f"at most {LONGEST_TEXT} characters")
    try:
        return _parser().parse(text)
    except UnexpectedToken as unexpected:
        was = "the end of the rule" if unexpected.token.type == "$END" else f"'{unexpected.token}'"
        raise _unreadable(text, unexpected, was, unexpected.accepts or unexpected.expected) from None
    except UnexpectedCharacters as unexpected:
        raise _unreadable(
            text, unexpected, _word_at(text, unexpected.line, unexpected.column), unexpected.allowed
        ) from None


def _unreadable(text: str, unexpected: UnexpectedInput, was: str, terminals: set[str]) -> RuleSyntaxError:
    line, column = unexpected.line, unexpected.column
    if was == "the end of the rule":
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return RuleSyntaxError(line, column, was=was, expected=_in_words(terminals))


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


@lru_cache(maxsize=TEXTS_AT_HAND)
def _rows(text: str) -> Mapping[str, Parameter]:
    """Return the schema a text declares: its own parameters in order, then the exits'."""
    tree = _tree(text)
    own: dict[str, Parameter] = {}
    exits = dict(declarations.EXITS)
    if _unit(tree) is not None:
        del exits[declarations.ATR_PERIOD.name]
    unchanged, read = dict(exits), _names_read(tree)
    for branch in tree.children:
        if isinstance(branch, Tree) and branch.data == "parameter":
            row = _placed(branch, partial(declarations.parameter, branch, known=own, read=read))
            own[row.name] = row
        elif isinstance(branch, Tree) and branch.data == "start":
            row = _placed(branch, partial(declarations.started, branch, exits=unchanged))
            exits[row.name] = row
            del unchanged[row.name]
    return own | exits


def _names_read(tree: Branch) -> set[str]:
    readers = (branch for branch in tree.iter_subtrees() if branch.data in ("series", "look_back"))
    return {str(child) for branch in readers for child in branch.children if isinstance(child, Token)}


def _rule(text: str, genome: Genome) -> Rule:
    tree = _tree(text)
    size = sum(1 for _ in tree.iter_subtrees())
    if size > LARGEST_TREE:
        raise RuleSyntaxError(1, 1, was=f"{size}", expected=f"at most {LARGEST_TREE} expressions")
    reading = Reading(text, _readable(text, genome))
    sides = _sides(tree)
    written = {
        name: _checked(reading, leaf, checking.require_condition)
        for name, leaf in sides.items()
        if isinstance(leaf, Tree)
    }
    long, short = (_direction(name, sides, written) for name in ("long", "short"))
    rule = Rule(text, long, short, _exit_unit(reading, tree))
    if not rule.conditions:
        raise RuleSyntaxError(1, 1, was="neither", expected="a condition for at least one of long and short")
    if rule.longest_warm_up_bars > LONGEST_WARM_UP_BARS:
        expected = f"at most {LONGEST_WARM_UP_BARS} bars of history before the first signal"
        raise RuleSyntaxError(1, 1, was=str(rule.longest_warm_up_bars), expected=expected)
    return rule


def _readable(text: str, genome: Genome) -> dict[str, Literal]:
    """Return the numbers expressions may read: the rule's own, and the period of the unit where it has no other."""
    rows = _rows(text)
    names = [name for name in rows if name not in declarations.EXITS or name == declarations.ATR_PERIOD.name]
    return {name: declarations.filled(rows[name], genome[name]) for name in names}


def _unit(tree: Branch) -> Branch | None:
    last, heading = tree.children[-1], tree.children[-2]
    has_unit = isinstance(heading, Token) and heading.type == "UNIT"
    return last if has_unit and isinstance(last, Tree) else None


def _exit_unit(reading: Reading, tree: Branch) -> Node:
    written = _unit(tree)
    if written is not None:
        return _checked(reading, written, checking.require_distance)
    return checking.call("atr", [reading.parameters[declarations.ATR_PERIOD.name]])


def _sides(tree: Branch) -> dict[str, Leaf]:
    headings, declared = ("LONG", "SHORT", "UNIT"), ("parameter", "start")
    long, short, *_ = (
        leaf
        for leaf in tree.children
        if (leaf.type not in headings if isinstance(leaf, Token) else leaf.data not in declared)
    )
    return {"long": long, "short": short}


def _checked(reading: Reading, leaf: Branch, require: Callable[[Node], None]) -> Node:
    node = _built(reading, leaf, 0)
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
        raise RuleSyntaxError(line, column, was="'mirror'", expected=f"a condition, because {other} has none to mirror")
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
        raise RuleSyntaxError(line, column, was=unfit.was, expected=unfit.expected, fix=unfit.fix) from None


def _built(reading: Reading, tree: Branch, depth: int) -> Node:
    if depth > DEEPEST_TREE:
        line, column = _position(tree)
        raise RuleSyntaxError(line, column, was="a deeper one", expected=f"at most {DEEPEST_TREE} nested expressions")
    below = [_built(reading, child, depth + 1) for child in tree.children if isinstance(child, Tree)]
    words = [str(child) for child in tree.children if isinstance(child, Token)]
    if tree.data in _READERS:
        return _placed(tree, lambda: _READERS[tree.data](below, words, reading.parameters))
    span = " ".join(reading.text[tree.meta.start_pos : tree.meta.end_pos].split())
    return _placed(tree, lambda: _MAKERS[tree.data](below, words, span))


_READERS: dict[str, Callable[[list[Node], list[str], Mapping[str, Literal]], Node]] = {
    "series": lambda _, words, parameters: checking.named(words[0], parameters),
    "look_back": lambda below, words, parameters: checking.look_back(below[0], words[0], parameters),
}

_MAKERS: dict[str, Callable[[list[Node], list[str], str], Node]] = {
    "literal": lambda _, words, __: checking.literal(words[0], words[1] if len(words) > 1 else ""),
    "call": lambda below, words, _: checking.call(words[0], below),
    "negative": lambda below, _, __: checking.negative(below[0]),
    "arithmetic": lambda below, words, _: checking.arithmetic(words[0], below[0], below[1]),
    "comparison": lambda below, words, span: checking.comparison(words[0], below[0], below[1], text=span),
    "crossing": lambda below, words, span: checking.comparison(words[1], below[0], below[1], text=span),
    "disjunction": lambda below, _, __: checking.junction("or", below),
    "conjunction": lambda below, _, __: checking.junction("and", below),
    "negation": lambda below, _, __: checking.junction("not", below),
}
