"""The rule language: its grammar, its bounds, and the words its errors use.

    param NAME = 20 bars in 5 to 60        (any number of these first: numbers that a genome fills and a search moves)
    exit stop_atr = 2                      (where a gene that every strategy has begins, if not where it begins for all)
    long: CONDITION | never | mirror       (the word `long:` may be left out)
    short: CONDITION | never | mirror      (never left out: what a direction falls back to is written, not guessed)
    unit: DISTANCE                         (what exit multiples are multiples of; atr(atr_period) if left out)

A condition joins comparisons (`>` `>=` `<` `<=` `crosses above` `crosses below`) by `and`, `or`, `not` and brackets.
Values are numbers, `4 ticks`, `500 contracts`, series, functions of them, arithmetic, and `[n]`: the value n bars ago.
A parameter is a number with a measure (`bars`, `ticks`, `contracts`, or none) and inclusive bounds. It moves by `step`;
left out, that is 1 where value and bounds are whole, else 0.05. It stands wherever its number might stand, and a rule
is refused unless it means something at every value within the bounds. `atr_period` may be read where `unit:` is left
out.

    series     open high low close volume vwap session_open gap bars_since_open
    functions  sma ema rsi highest lowest momentum (VALUE, BARS)   atr(BARS)   abs(VALUE)   min max (VALUE, VALUE)

`#` begins a comment; a rule is plain ASCII. Belongs here: syntax. Does not belong here: meaning.
"""

import re

GRAMMAR = r"""
rule: (parameter | start)* (LONG ":")? _direction SHORT ":" _direction (UNIT ":" sum)?
parameter: _PARAM NAME _IS number (WHOLE_BARS | TICKS | CONTRACTS)? _IN number _TO number (_STEP number)?
start: _EXIT NAME _IS number
number: MINUS? NUMBER
_direction: MIRROR | NEVER | disjunction

?disjunction: conjunction (_OR conjunction)*
?conjunction: negation (_AND negation)*
?negation: _NOT negation                            -> negation
         | comparison
?comparison: sum
           | sum RELATION sum                       -> comparison
           | sum CROSSES SIDE sum                   -> crossing
?sum: product
    | sum (PLUS | MINUS) product                    -> arithmetic
?product: signed
        | product (TIMES | OVER) signed             -> arithmetic
?signed: MINUS signed                               -> negative
       | postfix
?postfix: atom
        | postfix "[" (BARS | NAME) "]"             -> look_back
?atom: "(" disjunction ")"
     | NUMBER (TICKS | CONTRACTS)?                  -> literal
     | NAME                                         -> series
     | NAME "(" disjunction ("," disjunction)* ")"  -> call

_PARAM: "param"
_EXIT: "exit"
_IS: "="
_IN: "in"
_TO: "to"
_STEP: "step"
WHOLE_BARS: "bars"
LONG: "long"
SHORT: "short"
UNIT: "unit"
MIRROR: "mirror"
NEVER: "never"
_OR: "or"
_AND: "and"
_NOT: "not"
CROSSES: "crosses"
SIDE: "above" | "below"
TICKS: "ticks"
CONTRACTS: "contracts"
RELATION: ">=" | "<=" | ">" | "<"
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: "/"
BARS: /[0-9]{1,9}(?![0-9A-Za-z_.])/
NUMBER: /[0-9]{1,9}(\.[0-9]{1,6})?(?![0-9A-Za-z_.])/
NAME: /[A-Za-z_][A-Za-z0-9_]{0,31}(?![A-Za-z0-9_])/
%ignore /[ \t\r\n]+/
%ignore /#[ -~\t]*/
"""

LONGEST_TEXT = 4_000
LARGEST_TREE = 256
DEEPEST_TREE = 48
LONGEST_WINDOW_BARS = 1_000
LONGEST_WARM_UP_BARS = 100_000
MOST_PARAMETERS = 12

KEYWORDS = frozenset(re.findall('"([a-z]+)"', GRAMMAR))
VALUE_STARTS = frozenset({"NUMBER", "NAME", "LPAR", "MINUS"})
OPERATORS = frozenset({"PLUS", "MINUS", "TIMES", "OVER"})
TERMINAL_WORDS = {
    "_PARAM": "'param'",
    "_EXIT": "'exit'",
    "_IS": "'='",
    "_IN": "'in'",
    "_TO": "'to'",
    "_STEP": "'step'",
    "WHOLE_BARS": "'bars'",
    "LONG": "'long:'",
    "SHORT": "'short:'",
    "UNIT": "'unit:'",
    "MIRROR": "'mirror'",
    "NEVER": "'never'",
    "_OR": "'or'",
    "_AND": "'and'",
    "_NOT": "'not'",
    "CROSSES": "'crosses above' or 'crosses below'",
    "SIDE": "'above' or 'below'",
    "TICKS": "'ticks'",
    "CONTRACTS": "'contracts'",
    "RELATION": "a comparison",
    "BARS": "a whole number of bars ago, 0 or more (a rule never looks forward)",
    "COLON": "':'",
    "COMMA": "','",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'[bars ago]'",
    "RSQB": "']'",
    "$END": "the end of the rule",
}
