//! [`Interner`] compared with `string_cache`, `ArcIntern` and `lasso`: words that are interned
//! already.

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;

use common::{PLACES, Row, Turn};
use internment::ArcIntern;
use kref::Interner;
use kref_peers::Hasher;
use kref_peers::workload::{words, zipf};
use lasso::{Spur, ThreadedRodeo};
use string_cache::DefaultAtom;

const KREF: &str = "Interner<str>";
const STRING_CACHE: &str = "string_cache";
const INTERN: &str = "ArcIntern<str>";
const LASSO: &str = "lasso ThreadedRodeo";
const LASSO_OWN: &str = "lasso, its own hasher";

const WORDS: usize = 100_000;
/// How many words before they repeat. So many that those that are timed come after others.
const DRAWS: usize = 1 << 20;

fn main() {
    if common::is_asked_for("intern") {
        common::run("intern", rows(words(WORDS)));
    }
    // string_cache keeps up to seven bytes in the atom itself. These words are too long for that.
    if common::is_asked_for("intern-long") {
        let words = words(2 * WORDS).into_iter().filter(|word| word.len() > 7);
        common::run("intern-long", rows(words.take(WORDS).collect()));
    }
}

fn rows(words: Vec<String>) -> Vec<Row> {
    let words: &'static [String] = words.leak();
    let drawn = zipf(words.len(), DRAWS)
        .into_iter()
        .map(|n| &*words[n as usize]);
    let drawn: &'static [&str] = drawn.collect::<Vec<_>>().leak();
    let mut sorted: Vec<&str> = words.iter().map(|word| &**word).collect();
    sorted.sort_unstable();
    let both = [1, 2].into_iter();
    both.flat_map(|threads| rows_of(threads, &sorted, drawn))
        .collect()
}

fn rows_of(threads: usize, words: &[&str], drawn: &'static [&str]) -> Vec<Row> {
    /// Interns all words, keeps them, and then those that are drawn.
    fn row<T: Send + 'static>(
        name: &'static str,
        threads: usize,
        words: &[&str],
        drawn: &'static [&'static str],
        intern: impl Fn(&str) -> T + Sync + 'static,
    ) -> Row {
        words.iter().for_each(|word| std::mem::forget(intern(word)));
        Row::new(name, threads, move |turn: Turn| {
            let start = (turn.place + 2 * PLACES * turn.thread) * 2503;
            for n in 0..turn.iterations as usize {
                black_box(intern(drawn[(start + n) % DRAWS]));
            }
        })
        .warm()
    }
    let kref = Interner::<str>::new();
    let lasso: ThreadedRodeo<Spur, Hasher> = ThreadedRodeo::with_hasher(Hasher);
    let lasso_own: ThreadedRodeo = ThreadedRodeo::new();
    vec![
        row(KREF, threads, words, drawn, move |word| {
            kref.intern_ref(word)
        })
        .against(STRING_CACHE)
        .against(INTERN)
        .against(LASSO)
        .against(LASSO_OWN),
        row(STRING_CACHE, threads, words, drawn, |word| {
            DefaultAtom::from(word)
        }),
        row(INTERN, threads, words, drawn, |word| {
            ArcIntern::<str>::from(word)
        }),
        row(LASSO, threads, words, drawn, move |word| {
            lasso.get_or_intern(word)
        }),
        row(LASSO_OWN, threads, words, drawn, move |word| {
            lasso_own.get_or_intern(word)
        }),
    ]
}
