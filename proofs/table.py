"""Reads a table of steps (steps/*.toml): the places, the steps and the claims of one protocol.

A state of a protocol is a dictionary:

    (place, d) -> how many threads are there whose put has made d successful decrements (d is 0 outside of a put)
    variable   -> its value

Threads run the same program and differ only in where they are, so their numbers say everything: this is why a
proof about such states holds for any number of threads.

The conditions in a table are written in a small part of Python's syntax. They are read in two ways: `value` computes
one in a given state; `formula` makes a formula of it, about a state that is not known.
"""

import ast
import pathlib
import tomllib

import z3

FOLDER = pathlib.Path(__file__).parent / "steps"
MOST = 3  # decrements of one put that are told apart: three stands for three and more


class Table:
    def __init__(self, name, wrong=None):
        """The protocol `name`; with `wrong`, one of its entries `[[wrong]]`, the variant that this makes of it."""
        data = tomllib.loads((FOLDER / f"{name}.toml").read_text())
        self.name = name
        self.title, self.code, self.line = data["title"], data.get("code"), data["in_one_line"]
        self.puts = data.get("puts", [])
        self.variables, self.constants = data["variables"], data.get("constants", {})
        self.places, self.steps = dict(data["places"]), list(data["steps"])
        self.invariant, self.properties = data["invariant"], data["properties"]
        self.transitions, self.wrong = data.get("transitions", []), data.get("wrong", [])
        self.limit = data.get("search", {})
        # Variables that may have any value at the start that satisfies this; the search begins with one value.
        self.any_at_start = data.get("start", {}).get("any", {})
        if wrong:
            self.places |= wrong.get("places", {})
            unknown = set(wrong["drop"]) - {step["name"] for step in self.steps}
            assert not unknown, f"{name}: no such step: {unknown}"
            self.steps = [s for s in self.steps if s["name"] not in wrong["drop"]] + wrong["add"]
        self.check_names()

        self.keys = [key for place in self.places for key in self.keys_of(place)]
        self.state_keys = self.keys + list(self.variables)
        number = {
            "refs": [p for p, a in self.places.items() if a.get("counted")],
            "users": [p for p, a in self.places.items() if a.get("uses")],
            "exclusive": [p for p, a in self.places.items() if a.get("lock") == "exclusive"],
            "shared": [p for p, a in self.places.items() if a.get("lock") == "shared"],
            "busy": [p for p, a in self.places.items() if not a.get("final")],
        }
        # Every name that a condition may use, in an order in which each can be computed from those before it.
        self.sums = {p: self.keys_of(p) for p in self.places}
        self.sums |= {name: [k for p in ps for k in self.keys_of(p)] for name, ps in number.items()}
        self.names = {name: ast.parse(text, mode="eval").body for name, text in data.get("names", {}).items()}
        self.name_codes = {n: compile(ast.Expression(tree), n, "eval") for n, tree in self.names.items()}
        self.codes = {}

    def check_names(self):
        names = [step["name"] for step in self.steps]
        assert len(names) == len(set(names)), f"{self.name}: two steps of one name"
        for step in self.steps:
            for end in ("from", "to", "also"):
                assert step.get(end) is None or step[end] in self.places, f"{step['name']}: no place {step[end]}"
            for variable in step.get("set", {}):
                assert variable in self.variables or variable in self.places, f"{step['name']}: {variable}"

    def is_put(self, place):
        return "made" in self.places[place]

    def keys_of(self, place):
        return [(place, d) for d in (range(MOST + 1) if self.is_put(place) else (0,))]

    def start(self):
        state = {key: 0 for key in self.keys} | self.variables
        for place, attributes in self.places.items():
            state[place, 0] += attributes.get("start", 0)
        return state

    # A condition, in a state that is known.

    def names_in(self, state):
        """The value of every name in `state`."""
        names = {name: sum(state[key] for key in keys) for name, keys in self.sums.items()}
        names |= {v: state[v] for v in self.variables}
        names |= self.constants
        names |= {"true": True, "false": False, "implies": lambda a, b: not a or b}
        names["made"] = lambda d: sum(state[key] for key in self.made_keys(d))
        for name, code in self.name_codes.items():
            names[name] = eval(code, {"__builtins__": {}}, names)
        return names

    def made_keys(self, d):
        """Where the puts are that have made `d` successful decrements."""
        return [(place, d) for place in self.places if self.is_put(place)]

    def value(self, text, names):
        if text not in self.codes:
            self.codes[text] = compile(text, text, "eval")
        return eval(self.codes[text], {"__builtins__": {}}, names)

    # A condition, about a state that is not known.

    def unknown_state(self, suffix=""):
        def unknown(key):
            name = f"{key[0]}.{key[1]}{suffix}" if isinstance(key, tuple) else f"{key}{suffix}"
            return z3.Bool(name) if isinstance(self.variables.get(key), bool) else z3.Int(name)

        return {key: unknown(key) for key in self.state_keys}

    def formula(self, text, state):
        return self.translate(ast.parse(text, mode="eval").body, state)

    def translate(self, tree, state):
        def part(t):
            return self.translate(t, state)

        match tree:
            case ast.Constant(value=value):
                return z3.IntVal(value)
            case ast.Name(id="true" | "false" as word):
                return z3.BoolVal(word == "true")
            case ast.Name(id=name) if name in self.constants:
                return z3.IntVal(self.constants[name])
            case ast.Name(id=name) if name in self.variables:
                return state[name]
            case ast.Name(id=name) if name in self.names:
                return part(self.names[name])
            case ast.Name(id=name) if name in self.sums:
                return z3.Sum([z3.IntVal(0)] + [state[key] for key in self.sums[name]])
            case ast.Call(func=ast.Name(id="made"), args=[ast.Constant(value=d)]):
                return z3.Sum([state[key] for key in self.made_keys(d)])
            case ast.Call(func=ast.Name(id="implies"), args=[a, b]):
                return z3.Implies(part(a), part(b))
            case ast.BoolOp(op=ast.And(), values=parts):
                return z3.And([part(p) for p in parts])
            case ast.BoolOp(op=ast.Or(), values=parts):
                return z3.Or([part(p) for p in parts])
            case ast.UnaryOp(op=ast.Not(), operand=a):
                return z3.Not(part(a))
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return -part(a)
            case ast.BinOp(left=a, op=ast.Add(), right=b):
                return part(a) + part(b)
            case ast.BinOp(left=a, op=ast.Sub(), right=b):
                return part(a) - part(b)
            case ast.IfExp(test=test, body=a, orelse=b):
                return z3.If(part(test), part(a), part(b))
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                a, b = part(a), part(b)
                return {
                    ast.Eq: lambda: a == b,
                    ast.NotEq: lambda: a != b,
                    ast.LtE: lambda: a <= b,
                    ast.Lt: lambda: a < b,
                    ast.GtE: lambda: a >= b,
                    ast.Gt: lambda: a > b,
                }[type(op)]()
        raise ValueError(f"{self.name}: not understood: {ast.unparse(tree)}")

    # The steps.

    def moves(self, step):
        """How `step` changes the numbers of threads, for every number of decrements that its put may have made."""
        source, target, also = step.get("from"), step.get("to"), step.get("also")
        for d in range(MOST + 1) if source and self.is_put(source) else (0,):
            change = {}
            if source:
                change[source, d] = change.get((source, d), 0) - 1
            if target:
                after = min(d + step.get("decrements", 0), MOST) if self.is_put(target) else 0
                change[target, after] = change.get((target, after), 0) + 1
            if also:
                change[also, 0] = change.get((also, 0), 0) + 1
            yield (source, d) if source else None, change

    def conditions(self, step):
        """The conditions of `step`: its own, and that the lock is free if the step takes it."""
        before, after = (self.places.get(step.get(end), {}).get("lock") for end in ("from", "to"))
        conditions = [step["when"]] if "when" in step else []
        if after and after != before:
            conditions.append("exclusive == 0 and shared == 0" if after == "exclusive" else "exclusive == 0")
        return conditions

    def next_states(self, state, names):
        """Every step that some thread can take in `state`, with the state that it leads to."""
        for step in self.steps:
            if not all(self.value(c, names) for c in self.conditions(step)):
                continue
            for source, change in self.moves(step):
                if source and state[source] < 1:
                    continue
                after = dict(state)
                for variable, text in step.get("set", {}).items():
                    key = variable if variable in self.variables else (variable, 0)
                    after[key] = self.value(text, names)
                for key, n in change.items():
                    after[key] += n
                yield step["name"], after

    def step_formulas(self, before, after):
        """(name, formula): the formula says that the step leads from the state `before` to the state `after`."""
        for step in self.steps:
            guards = [self.formula(c, before) for c in self.conditions(step)]
            sets = {v if v in self.variables else (v, 0): t for v, t in step.get("set", {}).items()}
            for source, change in self.moves(step):
                here = guards + ([before[source] >= 1] if source else [])
                for key in self.state_keys:
                    new = self.formula(sets[key], before) if key in sets else before[key]
                    here.append(after[key] == (new + change[key] if key in change else new))
                yield step["name"], z3.And(here)

    # What is claimed.

    def invariant_parts(self):
        """(what it says, condition) for each part of the invariant that the table has."""
        return [(part["says"], part["holds"]) for part in self.invariant]

    def built_in_invariant(self, state):
        """No number is negative; a put has made as many decrements as its place says; the lock excludes."""
        parts = [state[key] >= 0 for key in self.keys]
        for place, attributes in self.places.items():
            parts += [state[place, d] == 0 for _, d in self.keys_of(place) if d not in attributes.get("made", [0])]
        exclusive, shared = self.formula("exclusive", state), self.formula("shared", state)
        return z3.And(parts + [exclusive <= 1, z3.Or(exclusive == 0, shared == 0)])

    def wrong_puts(self):
        """Where threads are whose put has returned after a wrong number of successful decrements."""
        final = [p for p, a in self.places.items() if a.get("final") and self.puts]
        return [(p, d) for p in final for d in range(MOST + 1) if d not in self.puts]

    def puts_claim(self):
        return "a put makes " + " or ".join({1: "exactly one", 2: "two"}[n] for n in self.puts) + " successful decrement" \
            + ("s" if self.puts[-1] > 1 else "")
