//! Replays a record by a table of steps: each event has to be a step of the protocol that was proven, and every claim of
//! the table has to hold after it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crate::expression::State;
use crate::recorder::{Event, Operation, Record, What};
use crate::table::{Mode, Step, Table, Target};

/// What of a record belongs to the protocol, and what of the protocol is not in the record.
pub struct View {
    /// On which word of an object the event of this number is, if on any.
    pub word: fn(&Record, usize) -> Option<&'static str>,
    /// Whether this lock is that of the index: where it was made.
    pub is_index: fn(&str) -> bool,
    /// The events that are not recorded, or the beginnings of their names. Such steps may happen at any time.
    pub silent: &'static [&'static str],
    /// Objects begin dead: there is memory for one, but none in it yet.
    pub begins_dead: bool,
    /// All that is recorded is of one object.
    pub is_one: bool,
}

/// The view of a scenario that says all that it does, with one atomic for each object, and one lock.
pub const OUTSIDE: View = View {
    word: |_, _| Some(""),
    is_index: |_| true,
    silent: &[],
    begins_dead: false,
    is_one: false,
};

impl View {
    /// Whether the record has no event for the step.
    fn is_silent(&self, step: &Step) -> bool {
        self.silent
            .iter()
            .any(|event| step.event.starts_with(event))
    }
}

/// Replays a record. Returns how many steps were made, or what was no step of the table; `taken` has for each step of the
/// table how often it was made.
pub fn replay(
    table: &Table,
    view: &View,
    record: &Record,
    taken: &mut Vec<usize>,
) -> Result<usize, String> {
    taken.resize(table.steps.len(), 0);
    let mut objects = HashMap::new();
    let mut holders = Vec::<(usize, Mode)>::new();
    let mut steps = 0;
    for (number, event) in record.events.iter().enumerate() {
        let fails = |why: String| {
            let from = number.saturating_sub(12);
            let before = record.events[from..=number].iter().map(|event| {
                let Event {
                    thread,
                    on,
                    what,
                    order,
                    at,
                } = event;
                let order = order.map_or(String::new(), |order| format!(" {order:?}"));
                format!("\n    thread {thread}, {on}: {what:?}{order} at {at}")
            });
            format!("{}: {why}, after{}", table.name, String::from_iter(before))
        };
        match event.what {
            What::Locks(_) | What::Unlocks => {
                if !(view.is_index)(record.locks[event.on].file()) {
                    continue;
                }
                match event.what {
                    What::Locks(mode) => holders.push((event.thread, mode)),
                    _ => holders.retain(|(thread, _)| *thread != event.thread),
                }
                for object in objects.values_mut() {
                    steps += 1;
                    Object::event(object, event, "").map_err(fails)?;
                }
            }
            _ => {
                let word = (view.word)(record, number);
                let Some(word) = word else { continue };
                let object = match view.is_one {
                    true => 0,
                    false => record.atomics[event.on].object,
                };
                let object = objects
                    .entry(object)
                    .or_insert_with(|| Object::new(table, view, &holders));
                steps += 1;
                object.event(event, word).map_err(fails)?;
            }
        }
    }
    for object in objects.values() {
        object.end()?;
        let made = taken.iter_mut().zip(&object.taken);
        made.for_each(|(all, here)| *all += here);
    }
    Ok(steps)
}

/// A state of the protocol, for one object.
#[derive(Clone)]
struct Object<'a> {
    table: &'a Table,
    view: &'a View,
    variables: Vec<i64>,
    /// How many threads are at each place.
    at: Vec<i64>,
    /// How many puts have made so many successful decrements.
    made: Vec<i64>,
    /// How often each step was made.
    taken: Vec<usize>,
    /// Where the threads are that are in the middle of something, and how many decrements they have made.
    threads: HashMap<usize, (usize, usize)>,
}

impl State for Object<'_> {
    fn variable(&self, number: usize) -> i64 {
        self.variables[number]
    }
    fn at(&self, place: usize) -> i64 {
        self.at[place]
    }
    fn made(&self, decrements: usize) -> i64 {
        self.made.get(decrements).copied().unwrap_or(0)
    }
}

impl<'a> Object<'a> {
    fn new(table: &'a Table, view: &'a View, holders: &[(usize, Mode)]) -> Self {
        let mut object = Self {
            table,
            view,
            variables: table
                .variables
                .iter()
                .map(|(_, initial)| *initial)
                .collect(),
            at: table.places.iter().map(|place| place.start).collect(),
            made: Vec::new(),
            taken: vec![0; table.steps.len()],
            threads: HashMap::new(),
        };
        if view.begins_dead {
            object.at.fill(0);
            for ((name, _), value) in table.variables.iter().zip(&mut object.variables) {
                *value = (name == "freed").into();
            }
        }
        for &(thread, mode) in holders {
            let is_entry = |step: &&Step| {
                step.from.is_none()
                    && step
                        .to
                        .is_some_and(|to| table.places[to].lock == Some(mode))
            };
            let entry = table
                .steps
                .iter()
                .find(is_entry)
                .expect("locks can be taken");
            object.apply(thread, entry);
        }
        object
    }

    /// Makes the step of the table that `event` is, an operation on this word.
    fn event(&mut self, event: &Event, word: &str) -> Result<(), String> {
        if !self.try_event(event, word, 3)? {
            return Err(format!(
                "the table has no such step {}",
                self.place_of(event.thread)
            ));
        }
        self.hurry(event.thread);
        self.check()
    }

    /// Makes the step that `event` is, possibly after some steps that are not recorded.
    fn try_event(&mut self, event: &Event, word: &str, silent: usize) -> Result<bool, String> {
        let table = self.table;
        let mut fitting = table.steps.iter().filter(|step| {
            is_event(step, word, event.what) && self.is_possible(event.thread, step)
        });
        if let Some(step) = fitting.next() {
            if let Some(other) = fitting.next() {
                panic!("{}: {} or {}?", table.name, step.name, other.name);
            }
            self.check_order(event, step)?;
            self.apply_checked(event, word, step)?;
            return Ok(true);
        }
        if silent == 0 {
            return Ok(false);
        }
        for step in table.steps.iter().filter(|step| self.view.is_silent(step)) {
            if self.is_possible(event.thread, step) {
                let before = self.clone();
                self.apply(event.thread, step);
                if self.try_event(event, word, silent - 1)? {
                    return Ok(true);
                }
                *self = before;
            }
        }
        Ok(false)
    }

    /// Makes the step, which has to do to the word what the operation did.
    fn apply_checked(&mut self, event: &Event, word: &str, step: &Step) -> Result<(), String> {
        let table = self.table;
        let holds = |object: &Self| table.word(word).map(|holds| holds.value(object));
        let sum = |object: &Self| table.sum(word).map(|number| object.variables[number]);
        let before = (holds(self), sum(self));
        self.apply(event.thread, step);
        let after = (holds(self), sum(self));
        let What::Did(Operation { name, old, new }) = event.what else {
            return Ok(());
        };
        let is_so = match (before, after) {
            ((Some(before), _), (Some(after), _)) => (before, after) == (old, new),
            ((_, Some(before)), (_, Some(after))) if matches!(name, "add" | "sub") => {
                after - before == new - old
            }
            _ => true,
        };
        match is_so {
            true => Ok(()),
            false => Err(format!(
                "'{}' goes from {before:?} to {after:?}, but the code does not",
                step.name
            )),
        }
    }

    /// Makes the steps that are not recorded and are all that the thread can do.
    fn hurry(&mut self, thread: usize) {
        let table = self.table;
        while let Some(&(place, _)) = self.threads.get(&thread) {
            let mut here = table.steps.iter().filter(|step| step.from == Some(place));
            if !here.clone().all(|step| self.view.is_silent(step)) {
                return;
            }
            match here.find(|step| self.is_possible(thread, step)) {
                Some(step) => self.apply(thread, step),
                None => return,
            }
        }
    }

    /// Whether the thread can make this step now.
    fn is_possible(&self, thread: usize, step: &Step) -> bool {
        let table = self.table;
        let is_here = match self.threads.get(&thread) {
            Some((place, _)) => step.from == Some(*place),
            // It does nothing with the object yet: it comes to it without a reference, or uses one that is at rest.
            None => step
                .from
                .is_none_or(|from| table.places[from].is_rest && self.at[from] > 0),
        };
        let lock = |place: Option<usize>| place.and_then(|place| table.places[place].lock);
        let [exclusive, shared] = table.locked.each_ref().map(|places| {
            let here = places.iter().map(|place| self.at[*place]);
            here.sum::<i64>()
        });
        let is_free = match (lock(step.from), lock(step.to)) {
            (before, after) if before == after => true,
            (_, None) => true,
            (_, Some(Mode::Exclusive)) => exclusive + shared == 0,
            (_, Some(Mode::Shared)) => exclusive == 0,
        };
        is_here && is_free && step.when.as_ref().is_none_or(|when| when.holds(self))
    }

    fn apply(&mut self, thread: usize, step: &Step) {
        let table = self.table;
        let number = table
            .steps
            .iter()
            .position(|other| std::ptr::eq(other, step));
        self.taken[number.expect("a step of the table")] += 1;
        let values = Vec::from_iter(step.set.iter().map(|(to, text)| (*to, text.value(self))));
        for (target, value) in values {
            match target {
                Target::Variable(number) => self.variables[number] = value,
                Target::Place(place) => self.at[place] = value,
            }
        }
        let made = self.threads.remove(&thread).map_or(0, |(_, made)| made);
        if let Some(from) = step.from {
            self.at[from] -= 1;
            self.count_put(from, made, -1);
        }
        if let Some(to) = step.to {
            let made = made + step.decrements;
            self.at[to] += 1;
            self.count_put(to, made, 1);
            if !table.places[to].is_rest && !table.places[to].is_final {
                self.threads.insert(thread, (to, made));
            }
        }
        if let Some(also) = step.also {
            self.at[also] += 1;
        }
    }

    fn count_put(&mut self, place: usize, made: usize, n: i64) {
        if self.table.places[place].made.is_some() {
            self.made.resize(self.made.len().max(made + 1), 0);
            self.made[made] += n;
        }
    }

    fn check(&self) -> Result<(), String> {
        for (place, made) in self.threads.values() {
            let place = &self.table.places[*place];
            if place
                .made
                .as_ref()
                .is_some_and(|allowed| !allowed.contains(made))
            {
                return Err(format!(
                    "a put at '{}' has made {made} decrements",
                    place.name
                ));
            }
        }
        match self
            .table
            .claims
            .iter()
            .find(|(_, claim)| !claim.holds(self))
        {
            Some((says, _)) => Err(format!("no longer: {says}")),
            None => Ok(()),
        }
    }

    /// At the end no thread is in the middle of anything, and all references are dropped.
    fn end(&self) -> Result<(), String> {
        if let Some(thread) = self.threads.keys().next() {
            return Err(format!("it ends {}", self.place_of(*thread)));
        }
        let wrong = self.made.iter().enumerate();
        let mut wrong = wrong.filter(|(made, n)| **n != 0 && !self.table.puts.contains(made));
        if let Some((made, n)) = wrong.next() {
            return Err(format!("{n} puts made {made} decrements"));
        }
        let rest = self.table.places.iter().zip(&self.at);
        match rest
            .filter(|(place, _)| place.is_rest)
            .map(|(_, n)| n)
            .sum()
        {
            0i64 => Ok(()),
            left => Err(format!("{left} references are left")),
        }
    }

    fn check_order(&self, event: &Event, step: &Step) -> Result<(), String> {
        use Ordering::{AcqRel, Acquire, Release, SeqCst};
        let is_enough = matches!(
            (step.order.as_deref(), event.order),
            (None, _)
                | (Some("Acquire"), Some(Acquire | AcqRel | SeqCst))
                | (Some("Release"), Some(Release | AcqRel | SeqCst))
        );
        match is_enough {
            true => Ok(()),
            false => Err(format!(
                "'{}' needs {}",
                step.name,
                step.order.as_deref().unwrap_or_default()
            )),
        }
    }

    fn place_of(&self, thread: usize) -> String {
        match self.threads.get(&thread) {
            Some((place, _)) => format!("at '{}'", self.table.places[*place].name),
            None => "by a thread that is doing nothing with the object".to_owned(),
        }
    }
}

/// Whether the table has this event, on this word, for the step.
fn is_event(step: &Step, word: &str, what: What) -> bool {
    let event = match what {
        What::Did(operation) => {
            let of_word = step.event.strip_prefix(word);
            return of_word.is_some_and(|rest| rest.trim_start() == operation.name);
        }
        What::Locks(Mode::Exclusive) => "lock",
        What::Locks(Mode::Shared) => "lock shared",
        What::Unlocks => "unlock",
        What::Says(what) => what,
    };
    step.event == event
}
