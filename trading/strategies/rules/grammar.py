"""The rule language: its grammar, its bounds, and the words its errors use.

    long: CONDITION | never | mirror       (the word `long:` may be left out)
    short: CONDITION | never | mirror      (never left out: what a direction falls back to is written, not guessed)
    unit: DISTANCE                         (what exit multiples are multiples of; atr(14) if left out)

A condition joins comparisons (`>` `>=` `<` `<=` `crosses above` `crosses below`) by `and`, `or`, `not` and brackets.
Values are numbers, `4 ticks`, `500 contracts`, series, functions of them, arithmetic, and `[n]`: the value n bars ago.

    series     open high low close volume vwap session_open gap bars_since_open
    functions  sma ema rsi highest lowest momentum (VALUE, BARS)   atr(BARS)   abs(VALUE)   min max (VALUE, VALUE)

`#` begins a comment; a rule is plain ASCII. Belongs here: syntax. Does not belong here: meaning.
"""

GRAMMAR = r"""
rule: (LONG ":")? _direction SHORT ":" _direction (UNIT ":" sum)?
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
        | postfix "[" BARS "]"                      -> look_back
?atom: "(" disjunction ")"
     | NUMBER (TICKS | CONTRACTS)?                  -> literal
     | NAME                                         -> series
     | NAME "(" disjunction ("," disjunction)* ")"  -> call

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

VALUE_STARTS = frozenset({"NUMBER", "NAME", "LPAR", "MINUS"})
OPERATORS = frozenset({"PLUS", "MINUS", "TIMES", "OVER"})
TERMINAL_WORDS = {
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
