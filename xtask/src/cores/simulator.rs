//! A cache line's way from processor to processor, simulated.
//!
//! A processor can write a line only while it owns the line. What happens otherwise is here as simple as it can be:
//!
//! - A write costs `local` nanoseconds if the processor owns the line.
//! - If it does not, it asks for the line. The line serves the processors that ask one after another, in the order in
//!   which they asked, and each move takes `transfer` nanoseconds.
//! - The owner loses the line after the write that it is at. (Some machines let it write on for a while; then `transfer`, as it is
//!   fitted, is the time of a move divided by how many writes are made at each stay.)
//!
//! Left out: that some processors are nearer than others, two threads of one processor core, what else uses the
//! connections between them, and any back-off. On a machine of several sockets a move takes longer; set `transfer`
//! to what it takes there.

/// What a machine does, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    pub local: f64,
    pub transfer: f64,
}

/// Which lines one operation writes: each a common one, or one of the processor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Common,
    Own,
}

#[derive(Clone)]
struct Line {
    owner: usize,
    /// When the next one may have it.
    free: f64,
}

/// Returns the nanoseconds between the ends of two operations, whichever processor does them, while `processors` do nothing else.
pub fn elapsed(machine: Machine, writes: &[Write], processors: usize) -> f64 {
    const OPERATIONS: usize = 400;
    // The last line is the common one.
    let new = |owner| Line { owner, free: 0.0 };
    let mut lines: Vec<Line> = (0..processors).map(new).chain([new(0)]).collect();
    let mut now = vec![0.0; processors];
    let mut done = vec![0; processors];
    let mut end = vec![0.0; processors];
    let each = OPERATIONS * writes.len();
    // Until the first one has done all: from then on there are fewer.
    while !done.contains(&each) {
        let next = (0..processors).min_by(|&a, &b| f64::total_cmp(&now[a], &now[b]));
        let own = next.expect("there are processors");
        let line = &mut lines[match writes[done[own] % writes.len()] {
            Write::Common => processors,
            Write::Own => own,
        }];
        now[own] = line.write(machine, own, now[own]);
        done[own] += 1;
        end[own] = now[own];
    }
    let operations = done.iter().sum::<usize>() as f64 / writes.len() as f64;
    end.into_iter().fold(0.0, f64::max) / operations
}

impl Line {
    /// Writes the line at this time at the earliest; returns when that is done.
    fn write(&mut self, machine: Machine, own: usize, now: f64) -> f64 {
        if self.owner != own {
            self.owner = own;
            self.free = now.max(self.free) + machine.transfer;
        }
        self.free = now.max(self.free) + machine.local;
        self.free
    }
}

/// Finds the machine on which an operation takes `one` nanoseconds on one processor, and `two` on two processors together.
pub fn fit(writes: &[Write], one: f64, two: f64) -> Machine {
    let local = one / writes.len() as f64;
    let machine = |transfer| Machine { local, transfer };
    let (mut low, mut high) = (0.0, 10_000.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if elapsed(machine(middle), writes, 2) < two {
            low = middle;
        } else {
            high = middle;
        }
    }
    machine(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARC: [Write; 2] = [Write::Common; 2];
    const SHARDED: [Write; 2] = [Write::Own; 2];
    const MACHINE: Machine = Machine {
        local: 5.0,
        transfer: 50.0,
    };

    #[test]
    fn one_processor_moves_nothing() {
        assert_eq!(elapsed(MACHINE, &ARC, 1), 10.0);
        assert_eq!(elapsed(MACHINE, &SHARDED, 1), 10.0);
    }

    #[test]
    fn lines_of_ones_own_add_up() {
        let sixteen = elapsed(MACHINE, &SHARDED, 16);
        assert!((sixteen - 10.0 / 16.0).abs() < 0.01, "{sixteen}");
    }

    #[test]
    fn a_common_line_is_slower_for_two_than_for_one_and_no_faster_for_many() {
        let times = [1, 2, 4, 64].map(|processors| elapsed(MACHINE, &ARC, processors));
        assert!(times[1] > times[0], "{times:?}");
        assert!(times[3] > 0.9 * times[1], "{times:?}");
    }

    #[test]
    fn a_fit_gives_back_what_it_was_given() {
        // A move of the line for each write.
        let two = elapsed(MACHINE, &ARC, 2);
        assert!((two - 110.0).abs() < 1.0, "{two}");
        let fitted = fit(&ARC, 10.0, two);
        assert!((elapsed(fitted, &ARC, 2) - two).abs() < 0.1, "{fitted:?}");
        assert!((fitted.transfer - 50.0).abs() < 0.5, "{fitted:?}");
    }
}
