//! What only a test inside can reach: a word at its limit.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::shared::{CLOSED, STEP, TOO_MANY, tokens};
use super::{Drain, Token};
use crate::atomic::AtomicInt;
use crate::report::{self, Kind};

/// So many tokens more, as if they had been taken one by one, and forgotten.
fn forget(drain: &Drain, tokens: usize) {
    let shared = drain.make();
    AtomicInt::fetch_add(&shared.word, tokens * STEP, Relaxed);
}

/// The hook is one for all tests of the process, so one test has all limits.
#[test]
fn a_drain_of_too_many_tokens_waits_forever() {
    static OVERFLOWS: AtomicU32 = AtomicU32::new(0);
    fn count_here(report: &report::Report) {
        if report.location.file().contains("drain") && report.kind == Kind::Overflow {
            OVERFLOWS.fetch_add(1, Relaxed);
        }
    }
    let takes: [fn(&Drain, &Token) -> Token; 3] = [
        |drain, _| drain.token(),
        |drain, _| drain.try_token().unwrap(),
        |_, token| token.clone(),
    ];
    report::set_hook(count_here);
    for take in takes {
        let drain = Drain::new();
        let held = drain.token();
        forget(&drain, tokens(TOO_MANY) - 3);
        drop(drain.try_token().unwrap());
        drop(drain.token());
        assert_eq!(OVERFLOWS.load(Relaxed), 0);
        forget(&drain, 2);
        let token = take(&drain, &held);
        assert_eq!(OVERFLOWS.swap(0, Relaxed), 1);
        let word = &drain.make().word;
        // However many are dropped, the word does not come down.
        let clones = [(); 10].map(|()| token.clone());
        for clone in clones {
            AtomicInt::fetch_sub(word, TOO_MANY / 4, Relaxed);
            drop(clone);
            assert!(word.load(Relaxed) >= TOO_MANY);
        }
        // All that were forgotten come back, and as many again.
        for _ in 0..4 {
            AtomicInt::fetch_sub(word, TOO_MANY / 2, Relaxed);
            drop(token.clone());
            drop(drain.try_token().unwrap());
            assert!(!drain.is_drained());
        }
        assert!(drain.close() && drain.try_token().is_none());
        drop((held, token));
        assert!(!drain.is_drained());
        assert_eq!(word.load(Relaxed) & CLOSED, CLOSED);
        assert_eq!(OVERFLOWS.load(Relaxed), 0, "one report for each drain");
    }
    report::reset_hook();
}
