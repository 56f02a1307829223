//! The conditions of a table of steps: a small part of Python's expressions, over whole numbers. False is zero.

use std::iter::Peekable;
use std::str::Chars;

/// A condition, or a number.
#[derive(Clone, Debug)]
pub enum Expression {
    Number(i64),
    /// The value of a variable.
    Variable(usize),
    /// How many threads are at these places.
    At(Vec<usize>),
    /// How many threads' puts have made so many successful decrements.
    Made(usize),
    Not(Box<Expression>),
    Two(&'static str, Box<[Expression; 2]>),
    If(Box<[Expression; 3]>),
}

/// What an expression is about.
pub trait State {
    fn variable(&self, number: usize) -> i64;
    fn at(&self, place: usize) -> i64;
    fn made(&self, decrements: usize) -> i64;
}

impl Expression {
    /// Reads an expression; `resolve` knows the names.
    pub fn parse(text: &str, resolve: &dyn Fn(&str) -> Self) -> Self {
        let tokens = tokens(text);
        let mut reader = Reader {
            tokens: &tokens,
            resolve,
        };
        let expression = reader.choice();
        assert!(reader.tokens.is_empty(), "not understood: {text}");
        expression
    }

    pub fn value(&self, state: &impl State) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Variable(number) => state.variable(*number),
            Self::At(places) => places.iter().map(|place| state.at(*place)).sum(),
            Self::Made(decrements) => state.made(*decrements),
            Self::Not(of) => (!of.holds(state)).into(),
            Self::If(parts) => {
                let [then, condition, otherwise] = &**parts;
                if condition.holds(state) {
                    then
                } else {
                    otherwise
                }
                .value(state)
            }
            Self::Two(operator, sides) => {
                let [left, right] = &**sides;
                match *operator {
                    "and" => (left.holds(state) && right.holds(state)).into(),
                    "or" => (left.holds(state) || right.holds(state)).into(),
                    "implies" => (!left.holds(state) || right.holds(state)).into(),
                    operator => {
                        let (left, right) = (left.value(state), right.value(state));
                        match operator {
                            "+" => left + right,
                            "-" => left - right,
                            "==" => (left == right).into(),
                            "!=" => (left != right).into(),
                            "<=" => (left <= right).into(),
                            ">=" => (left >= right).into(),
                            "<" => (left < right).into(),
                            _ => (left > right).into(),
                        }
                    }
                }
            }
        }
    }

    pub fn holds(&self, state: &impl State) -> bool {
        self.value(state) != 0
    }

    fn two(operator: &'static str, left: Self, right: Self) -> Self {
        Self::Two(operator, Box::new([left, right]))
    }
}

/// Cuts a text into names, numbers and operators.
fn tokens(text: &str) -> Vec<String> {
    fn take(chars: &mut Peekable<Chars<'_>>, is_part: fn(&char) -> bool) -> String {
        std::iter::from_fn(|| chars.next_if(is_part)).collect()
    }
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(&next) = chars.peek() {
        match next {
            ' ' => drop(chars.next()),
            'a'..='z' | 'A'..='Z' | '_' | '0'..='9' => {
                tokens.push(take(&mut chars, |c| c.is_ascii_alphanumeric() || *c == '_'));
            }
            '=' | '!' | '<' | '>' => tokens.push(take(&mut chars, |c| "=!<>".contains(*c))),
            other => {
                tokens.push(other.to_string());
                chars.next();
            }
        }
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [String],
    resolve: &'a dyn Fn(&str) -> Expression,
}

impl Reader<'_> {
    /// Takes the next token if it is one of these.
    fn one_of(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        let (next, rest) = self.tokens.split_first()?;
        let found = operators.iter().find(|operator| *operator == next)?;
        self.tokens = rest;
        Some(found)
    }

    fn expect(&mut self, token: &'static str) {
        assert!(
            self.one_of(&[token]).is_some(),
            "{token} expected, before {:?}",
            self.tokens
        );
    }

    fn choice(&mut self) -> Expression {
        let then = self.either();
        if self.one_of(&["if"]).is_none() {
            return then;
        }
        let condition = self.either();
        self.expect("else");
        Expression::If(Box::new([then, condition, self.choice()]))
    }

    fn either(&mut self) -> Expression {
        let mut left = self.both();
        while let Some(or) = self.one_of(&["or"]) {
            left = Expression::two(or, left, self.both());
        }
        left
    }

    fn both(&mut self) -> Expression {
        let mut left = self.negation();
        while let Some(and) = self.one_of(&["and"]) {
            left = Expression::two(and, left, self.negation());
        }
        left
    }

    fn negation(&mut self) -> Expression {
        match self.one_of(&["not"]) {
            Some(_) => Expression::Not(Box::new(self.negation())),
            None => self.comparison(),
        }
    }

    fn comparison(&mut self) -> Expression {
        let left = self.sum();
        match self.one_of(&["==", "!=", "<=", ">=", "<", ">"]) {
            Some(operator) => Expression::two(operator, left, self.sum()),
            None => left,
        }
    }

    fn sum(&mut self) -> Expression {
        let mut left = self.atom();
        while let Some(operator) = self.one_of(&["+", "-"]) {
            left = Expression::two(operator, left, self.atom());
        }
        left
    }

    fn atom(&mut self) -> Expression {
        if self.one_of(&["-"]).is_some() {
            return Expression::two("-", Expression::Number(0), self.atom());
        }
        if self.one_of(&["("]).is_some() {
            let inner = self.choice();
            self.expect(")");
            return inner;
        }
        if let Some(function) = self.one_of(&["implies", "made"]) {
            self.expect("(");
            let first = self.choice();
            let read = match (function, first) {
                ("made", Expression::Number(decrements)) => {
                    Expression::Made(decrements.try_into().expect("a small number"))
                }
                (implies, first) => {
                    self.expect(",");
                    Expression::two(implies, first, self.choice())
                }
            };
            self.expect(")");
            return read;
        }
        let (next, rest) = self.tokens.split_first().expect("more expected");
        self.tokens = rest;
        match (&**next, next.parse()) {
            ("true", _) => Expression::Number(1),
            ("false", _) => Expression::Number(0),
            (_, Ok(number)) => Expression::Number(number),
            (name, _) => (self.resolve)(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl State for Nothing {
        fn variable(&self, number: usize) -> i64 {
            number as i64
        }
        fn at(&self, place: usize) -> i64 {
            10 * place as i64
        }
        fn made(&self, decrements: usize) -> i64 {
            100 * decrements as i64
        }
    }

    #[test]
    fn they_are_read_as_python_reads_them() {
        for (text, value) in [
            ("1 + 2 - 4", -1),
            ("-3 + 1", -2),
            ("x + 1 == 6 and not x == 4", 1),
            ("1 == 2 or 2 == 2 and 3 != 3", 0),
            ("1 if x == 4 else 2 if x == 5 else 3", 2),
            ("implies(x <= 4, false) and implies(x < 6, true)", 1),
            ("y - made(2) > -181 and not (x >= 6)", 1),
            ("true and (x)", 1),
        ] {
            let resolve = |name: &str| match name {
                "x" => Expression::Variable(5),
                _ => Expression::At(vec![1, 1]),
            };
            let read = Expression::parse(text, &resolve).value(&Nothing);
            assert_eq!(read, value, "{text}");
        }
    }
}
