//! Reads a table of steps, `proofs/steps/*.toml`: the same file that `proofs/check.py` proves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::expression::Expression;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    words: BTreeMap<String, String>,
    #[serde(default)]
    sums: BTreeMap<String, String>,
    #[serde(default)]
    puts: Vec<usize>,
    variables: BTreeMap<String, Initial>,
    #[serde(default)]
    constants: BTreeMap<String, i64>,
    places: BTreeMap<String, PlaceEntry>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    steps: Vec<StepEntry>,
    invariant: Vec<Claim>,
    properties: Vec<Claim>,
}

impl File {
    fn places_with(&self, is_one: impl Fn(&PlaceEntry) -> bool) -> Vec<usize> {
        let numbered = self.places.values().enumerate();
        let chosen = numbered.filter(|(_, place)| is_one(place));
        chosen.map(|(number, _)| number).collect()
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Initial {
    Number(i64),
    Bool(bool),
}

#[derive(Deserialize)]
struct PlaceEntry {
    #[serde(default)]
    counted: bool,
    #[serde(default)]
    uses: bool,
    #[serde(default)]
    start: i64,
    #[serde(default)]
    rest: bool,
    lock: Option<String>,
    made: Option<Vec<usize>>,
    #[serde(default, rename = "final")]
    is_final: bool,
}

#[derive(Deserialize)]
struct StepEntry {
    name: String,
    from: Option<String>,
    to: Option<String>,
    also: Option<String>,
    event: String,
    order: Option<String>,
    when: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    decrements: usize,
}

#[derive(Deserialize)]
struct Claim {
    says: String,
    holds: String,
}

/// A protocol.
pub struct Table {
    pub name: &'static str,
    /// What each recorded atomic holds.
    words: Vec<(String, Expression)>,
    /// What is added to an atomic of this name is added to this variable.
    sums: Vec<(String, usize)>,
    /// How many successful decrements a put may have made.
    pub puts: Vec<usize>,
    pub variables: Vec<(String, i64)>,
    pub places: Vec<Place>,
    pub steps: Vec<Step>,
    /// What must hold in every state: (what it says, the condition).
    pub claims: Vec<(String, Expression)>,
    /// Places of threads that hold the lock alone, and that share it.
    pub locked: [Vec<usize>; 2],
}

pub struct Place {
    pub name: String,
    /// Where references are that no thread is doing anything with.
    pub is_rest: bool,
    pub start: i64,
    pub lock: Option<Mode>,
    pub made: Option<Vec<usize>>,
    pub is_final: bool,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Exclusive,
    Shared,
}

pub struct Step {
    pub name: String,
    pub from: Option<usize>,
    pub to: Option<usize>,
    pub also: Option<usize>,
    pub event: String,
    /// The ordering that the code has at least.
    pub order: Option<String>,
    pub when: Option<Expression>,
    /// The new values of variables, and of numbers of threads at places.
    pub set: Vec<(Target, Expression)>,
    pub decrements: usize,
}

#[derive(Clone, Copy)]
pub enum Target {
    Variable(usize),
    Place(usize),
}

impl Table {
    /// Reads the table `proofs/steps/{name}.toml`.
    pub fn read(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("proofs/steps/{name}.toml"));
        let text = fs::read_to_string(&path).expect("the table is in the repository");
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));

        let variables = Vec::from_iter(file.variables.iter().map(|(name, initial)| {
            let initial = match *initial {
                Initial::Number(number) => number,
                Initial::Bool(is_true) => is_true.into(),
            };
            (name.clone(), initial)
        }));
        let places = Vec::from_iter(file.places.keys());
        let place = |name: &String| {
            let found = places.iter().position(|place| *place == name);
            found.unwrap_or_else(|| panic!("no place {name}"))
        };
        let variable = |name: &str| variables.iter().position(|(v, _)| v == name);
        let locked = ["exclusive", "shared"]
            .map(|mode| file.places_with(|p| p.lock.as_deref() == Some(mode)));
        let parse = |text: &str| {
            let names = Names {
                file: &file,
                variable: &variable,
                place: &place,
                locked: &locked,
            };
            names.parse(text)
        };

        let steps = file.steps.iter().map(|step| Step {
            name: step.name.clone(),
            from: step.from.as_ref().map(place),
            to: step.to.as_ref().map(place),
            also: step.also.as_ref().map(place),
            event: step.event.clone(),
            order: step.order.clone(),
            when: step.when.as_deref().map(parse),
            set: Vec::from_iter(step.set.iter().map(|(name, text)| {
                let target = match variable(name) {
                    Some(number) => Target::Variable(number),
                    None => Target::Place(place(name)),
                };
                (target, parse(text))
            })),
            decrements: step.decrements,
        });
        let claims = file.invariant.iter().chain(&file.properties);
        Self {
            name,
            words: file
                .words
                .iter()
                .map(|(w, text)| (w.clone(), parse(text)))
                .collect(),
            sums: Vec::from_iter(
                file.sums
                    .iter()
                    .map(|(word, sum)| (word.clone(), variable(sum).expect("a sum is a variable"))),
            ),
            puts: file.puts.clone(),
            places: Vec::from_iter(file.places.iter().map(|(name, place)| Place {
                name: name.clone(),
                is_rest: place.rest,
                start: place.start,
                lock: place.lock.as_deref().map(|lock| match lock {
                    "exclusive" => Mode::Exclusive,
                    _ => Mode::Shared,
                }),
                made: place.made.clone(),
                is_final: place.is_final,
            })),
            steps: steps.collect(),
            claims: claims.map(|c| (c.says.clone(), parse(&c.holds))).collect(),
            locked: locked.clone(),
            variables,
        }
    }
}

impl Table {
    /// What the word of this name holds; the only word has no name in a record.
    pub fn word(&self, name: &str) -> Option<&Expression> {
        let mut words = self.words.iter();
        words
            .find(|(word, _)| name.is_empty() || word == name)
            .map(|(_, holds)| holds)
    }

    /// The variable that changes as the words of this name do, by additions.
    pub fn sum(&self, name: &str) -> Option<usize> {
        let mut sums = self.sums.iter();
        sums.find(|(word, _)| word == name).map(|(_, sum)| *sum)
    }
}

/// What the names in a condition mean.
struct Names<'a> {
    file: &'a File,
    variable: &'a dyn Fn(&str) -> Option<usize>,
    place: &'a dyn Fn(&String) -> usize,
    locked: &'a [Vec<usize>; 2],
}

impl Names<'_> {
    fn parse(&self, text: &str) -> Expression {
        Expression::parse(text, &|name| self.resolve(name))
    }

    fn resolve(&self, name: &str) -> Expression {
        if let Some(number) = (self.variable)(name) {
            return Expression::Variable(number);
        }
        if let Some(constant) = self.file.constants.get(name) {
            return Expression::Number(*constant);
        }
        if let Some(text) = self.file.names.get(name) {
            return self.parse(text);
        }
        match name {
            "refs" => Expression::At(self.file.places_with(|p| p.counted)),
            "users" => Expression::At(self.file.places_with(|p| p.uses)),
            "busy" => Expression::At(self.file.places_with(|p| !p.is_final)),
            "exclusive" => Expression::At(self.locked[0].clone()),
            "shared" => Expression::At(self.locked[1].clone()),
            place => Expression::At(vec![(self.place)(&place.to_owned())]),
        }
    }
}
